/** One webhook endpoint: its health, what was sent to it, and sending it again. */

import { html, useState } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";
import { Modal } from "../ui/dialog.js";
import { midnight } from "../ui/form.js";
import { List } from "../ui/list.js";
import { Action, announce, Badge, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";
import { Secret } from "../ui/secret.js";
import { ENDPOINT_FIELDS, endpointBody } from "./webhooks.js";

export default function Webhook({ id }) {
  const endpoint = useApi(`/v1/webhook-endpoints/${id}`);
  return html`<${Loaded} from=${endpoint}>${(data) => html`<${Shown} endpoint=${data} reload=${endpoint.reload} />`}<//>`;
}

function actions(endpoint, reload) {
  const path = `/v1/webhook-endpoints/${endpoint.id}`;
  const version = { "If-Match": `"${endpoint.version}"` };
  const enabled = endpoint.status === "enabled";
  return {
    test: { title: "Send a test event", path: `${path}/test`, body: () => ({}), text: "An event of type webhook_endpoint.test goes to this endpoint alone.", said: "The test is on its way", done: () => { setTimeout(reload, 1500); } },
    edit: { title: "Edit", method: "PATCH", path, headers: version, fields: ENDPOINT_FIELDS, initial: { ...endpoint, eventTypes: endpoint.eventTypes.join(", ") }, body: endpointBody, done: reload },
    rotate: {
      title: "Rotate the secret", path: `${path}/rotate-secret`, fields: [{ name: "hours", label: "Both secrets sign for so many hours", type: "number", required: true }], initial: { hours: 24 },
      body: ({ hours }) => ({ overlapSeconds: Number(hours) * 3600 }), done: (made) => { reload(); return html`<${Secret} name="New signing secret" value=${made.secret} />`; },
    },
    redeliver: {
      title: "Send again", path: `${path}/redeliver`, fields: [{ name: "since", label: "Events since", type: "date", required: true }, { name: "status", label: "Which", type: "select",
        options: [["undelivered", "what never arrived"], ["failed", "what failed"], ["skipped", "what was skipped while it was disabled"], ["all", "everything"]] }],
      body: ({ since, status }) => ({ since: midnight(since), status }), said: "They are being sent again",
      done: (run) => html`<${Redelivery} id=${run.id} />`, text: "Receivers know an event by its webhook-id: one that arrived before can be told from a new one.",
    },
    toggle: { title: enabled ? "Disable" : "Enable", method: "PATCH", path, headers: version, body: () => ({ status: enabled ? "disabled" : "enabled" }), danger: enabled, done: reload,
      text: enabled ? "What happens from now on is skipped, and can be sent again later." : "Events go there again from now on. What was skipped can be sent again." },
    remove: { title: "Delete the endpoint", method: "DELETE", path, body: null, danger: true, done: () => navigate(href("/webhooks")), text: "Nothing goes there any more, and what was sent cannot be sent again." },
  };
}

function Shown({ endpoint, reload }) {
  const [opened, setOpened] = useState(null);
  const may = actions(endpoint, reload);
  const { health } = endpoint;
  return html`<${Heading} title=${endpoint.url ?? endpoint.eventBusArn} badge=${endpoint.status}>
      <${Action} scope="billing:admin" unless=${endpoint.status === "enabled" ? null : "It is disabled."} dialog=${may.test}>Send a test event<//>
      <${Action} scope="billing:admin" dialog=${may.edit}>Edit<//><${Action} scope="billing:admin" dialog=${may.rotate}>Rotate the secret<//>
      <${Action} scope="billing:admin" dialog=${may.toggle} danger=${may.toggle.danger}>${may.toggle.title}<//><${Action} scope="billing:admin" danger dialog=${may.remove}>Delete<//><//>
    <${Facts} rows=${[
      ["Id", html`<${Id} id=${endpoint.id} />`], ["Events", endpoint.eventTypes.join(", ")], ["Payload", endpoint.payload], ["Description", endpoint.description],
      ["Why it is disabled", endpoint.disabledReason && words(endpoint.disabledReason)], ["Both secrets sign until", endpoint.previousSecretUntil && html`<${Time} at=${endpoint.previousSecretUntil} />`],
      ["Last success", html`<${Time} at=${health.lastSuccessAt} />`], ["Last failure", health.lastFailureAt && html`<${Time} at=${health.lastFailureAt} />: ${health.lastFailureReason}`],
      ["Failing since", health.failingSince && html`<${Time} at=${health.failingSince} />`], ["Arrived of late", health.successRate !== null && `${Math.round(health.successRate * 1000) / 10} %`],
    ]} />
    <${Section} title="Deliveries" actions=${html`<${Action} scope="billing:admin" dialog=${may.redeliver}>Send many again<//>`}>
      <${List} path=${`/v1/webhook-endpoints/${endpoint.id}/deliveries`} caption="Deliveries"
        filters=${[{ name: "state", label: "State", type: "select", options: ["pending", "succeeded", "failed", "skipped"].map((each) => [each, each]) }, { name: "since", label: "Events since", type: "date" }]}
        bulk=${[{ title: "Send again", scope: "billing:admin", path: (row) => `/v1/webhook-deliveries/${row.id}/redeliver` }]}
        columns=${[
          { title: "Event", cell: (row) => html`<a href=${href(`/events/${row.eventId}`)}>${row.eventType}</a>` }, { title: "", cell: (row) => html`<${Badge} state=${row.state} />` },
          { title: "Attempts", number: true, cell: (row) => row.attempts }, { title: "Next attempt", cell: (row) => html`<${Time} at=${row.nextAttemptAt} />` },
          { title: "Event of", cell: (row) => html`<${Time} at=${row.eventCreatedAt} />` }, { title: "", cell: (row) => html`<button type="button" onClick=${() => setOpened(row.id)} aria-label=${`Log of ${row.id}`}>Log</button>` },
        ]} empty=${{ title: "Nothing was sent yet.", text: "Send a test event." }} /><//>
    ${opened && html`<${Log} id=${opened} close=${() => setOpened(null)} />`}`;
}

/** Each attempt: when, what came back. */
function Log({ id, close }) {
  const delivery = useApi(`/v1/webhook-deliveries/${id}`);
  const again = { title: "Send it again", path: `/v1/webhook-deliveries/${id}/redeliver`, body: () => ({}), said: "It is being sent again", done: () => announce("It is being sent again") };
  return html`<${Modal} title="Delivery" onClose=${close} wide><${Loaded} from=${delivery}>${(data) => html`
    <${Facts} rows=${[["Id", html`<${Id} id=${data.id} />`], ["Event", html`<${Id} id=${data.eventId} />`], ["State", html`<${Badge} state=${data.state} />`]]} />
    ${data.log.length === 0 && html`<p class="quiet">No attempt yet.</p>`}
    <ol>${data.log.map((each) => html`<li><${Time} at=${each.at} />: ${each.succeeded ? "arrived" : "failed"}${each.status ? `, status ${each.status}` : ""}${each.reason ? `, ${words(each.reason)}` : ""}, ${each.durationMs} ms
      ${each.response && html`<pre tabindex="0"><code>${each.response}</code></pre>`}</li>`)}</ol>
    <${Action} scope="billing:admin" dialog=${() => { close(); return again; }}>Send again<//>`}<//><//>`;
}

/** How far sending many again is. */
function Redelivery({ id }) {
  const run = useApi(`/v1/webhook-redeliveries/${id}`, {}, { everyMs: 2000 });
  return html`<${Loaded} from=${run}>${(data) => html`<p role="status"><${Badge} state=${data.status} /> ${data.redelivered} sent again</p>`}<//>`;
}
