/** Webhook endpoints. */

import { html, useState } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading } from "../ui/parts.js";
import { Secret } from "../ui/secret.js";

/** What an endpoint is made of. */
export const ENDPOINT_FIELDS = [
  { name: "url", label: "URL", type: "url", required: true, hint: "https; in test mode http to this machine is allowed, too." },
  { name: "eventTypes", label: "Event types", required: true, hint: "With commas between them: invoice.*, payment.failed. * for all." },
  { name: "payload", label: "Payload", type: "select", options: [["snapshot", "the object as it was"], ["thin", "ids alone"]] },
  { name: "description", label: "Description" },
];

/** The body of these fields. */
export const endpointBody = ({ url, eventTypes, payload, description }) => ({
  url, eventTypes: String(eventTypes).split(",").map((each) => each.trim()).filter(Boolean), payload, description: description || null,
});

export default function Webhooks() {
  const [turn, setTurn] = useState(0);
  const create = {
    title: "New endpoint", path: "/v1/webhook-endpoints", fields: ENDPOINT_FIELDS, initial: { eventTypes: "*" }, body: endpointBody, said: "The endpoint is there",
    done: (made) => {
      setTurn((before) => before + 1);
      return html`<${Secret} name="Signing secret" value=${made.secret} /><p><a href=${href(`/webhooks/${made.id}`)}>Open the endpoint</a></p>`;
    },
  };
  return html`<${Heading} title="Webhooks"><${Action} scope="billing:admin" primary dialog=${create}>New endpoint<//><//>
    <${List} key=${turn} path="/v1/webhook-endpoints" caption="Webhook endpoints" rowHref=${(row) => href(`/webhooks/${row.id}`)}
      columns=${[
        { title: "URL", cell: (row) => row.url ?? row.eventBusArn }, { title: "", cell: (row) => html`<${Badge} state=${row.status} />${row.health.failingSince && html` <${Badge} state="failed" text="failing" />`}` },
        { title: "Events", cell: (row) => row.eventTypes.join(", ") }, { title: "Last success", cell: (row) => html`<${Time} at=${row.health.lastSuccessAt} />` }, { title: "Description", cell: (row) => row.description },
      ]}
      empty=${{ title: "Nobody is told of events yet.", curl: curl("POST", "/v1/webhook-endpoints", { body: { url: "https://example.com/hooks", eventTypes: ["invoice.*"] } }) }} />`;
}
