/** Usage: what a subscription used, what was rejected, and the meters. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href, query } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Heading, Id } from "../ui/parts.js";
import { tabOf, Tabs } from "../ui/tabs.js";

const TABS = [["used", "By subscription"], ["rejected", "Rejected"], ["meters", "Meters"]];

const CREATE_METER = {
  title: "New meter", path: "/v1/meters", said: "The meter is there",
  fields: [
    { name: "key", label: "Key", required: true, hint: "As events name it: api_calls." },
    { name: "name", label: "Name" },
    { name: "aggregation", label: "Counts the", type: "select", options: ["sum", "count", "max", "last", "unique"].map((each) => [each, each]) },
    { name: "property", label: "Of the property", hint: "quantity, if left out" },
  ],
  body: ({ key, name, aggregation, property }) => ({ key, aggregation, ...(name && { name }), ...(property && { property }) }),
};

export default function Usage() {
  const tab = tabOf(TABS);
  return html`<${Heading} title="Usage"><${Action} scope="billing:write" dialog=${CREATE_METER}>New meter<//><//>
    <${Tabs} tabs=${TABS} />
    ${tab === "used" && html`<${Used} />`}${tab === "rejected" && html`<${Rejected} />`}${tab === "meters" && html`<${Meters} />`}`;
}

const FILTERS = [
  { name: "subscription", label: "Subscription" }, { name: "meter", label: "Meter" }, { name: "from", label: "From", type: "date" }, { name: "to", label: "to, not included", type: "date" },
  { name: "granularity", label: "A row for each", type: "select", options: [["hour", "hour (UTC)"], ["day", "day (UTC)"]] },
];

function Used() {
  if (!query.value.get("subscription")) {
    return html`<p>Which subscription? Open one under <a href=${href("/subscriptions")}>Subscriptions</a> and follow its usage, or enter its id.</p>
      <${List} path="/v1/subscriptions" caption="Subscriptions" fixed=${{ view: "summary", expand: "customer", limit: 20 }} rowHref=${(row) => href("/usage", { subscription: row.id })}
        columns=${[{ title: "Customer", cell: (row) => row.customer?.name ?? row.customerId }, { title: "Plan", cell: (row) => row.planId }, { title: "Subscription", cell: (row) => html`<code>${row.id}</code>` }]}
        empty=${{ title: "No subscriptions yet." }} />`;
  }
  return html`<${List} path="/v1/usage" caption="Usage" filters=${FILTERS} rowId=${(row) => `${row.period.start} ${row.meter} ${JSON.stringify(row.dimensions)} ${row.trial}`}
    columns=${[
      { title: "Meter", cell: (row) => row.meter },
      { title: "From", cell: (row) => html`<${Time} at=${row.period.start} />` }, { title: "to", cell: (row) => html`<${Time} at=${row.period.end} />` },
      { title: "Dimensions", cell: (row) => Object.entries(row.dimensions).map(([name, value]) => `${name}: ${value}`).join(", ") },
      { title: "", cell: (row) => row.trial && "in trial, free" },
      { title: "Total", number: true, cell: (row) => row.total },
    ]}
    empty=${{ title: "No usage here.", curl: curl("POST", "/v1/usage/events", { body: { events: [{ eventId: "an-id-of-yours", subscriptionId: query.value.get("subscription"), meter: "api_calls", quantity: 12, timestamp: "2026-11-01T12:00:00Z" }] } }) }} />`;
}

function Rejected() {
  return html`<p>Events that were accepted and could not be counted. Send them right under another id.</p>
    <${List} path="/v1/usage/rejections" caption="Rejected events"
      columns=${[
        { title: "When", cell: (row) => html`<${Time} at=${row.createdAt} />` },
        { title: "Events", cell: (row) => html`<ul class="plain">${row.events.map((each) => html`<li><code>${each.eventId}</code> ${each.meter} ${each.quantity}
          of <a href=${href(`/subscriptions/${each.subscriptionId}`)}>${each.subscriptionId}</a>: <strong>${words(each.reason)}</strong></li>`)}</ul>` },
        { title: "Id", cell: (row) => html`<${Id} id=${row.id} />` },
      ]}
      empty=${{ title: "Nothing was rejected." }} />`;
}

function Meters() {
  return html`<${List} path="/v1/meters" caption="Meters" rowId=${(row) => row.key}
    columns=${[
      { title: "Key", cell: (row) => html`<code>${row.key}</code>` }, { title: "Name", cell: (row) => row.name },
      { title: "Counts", cell: (row) => `${row.aggregation}${row.property ? ` of ${row.property}` : ""}` },
      { title: "Dimensions", cell: (row) => row.dimensions.join(", ") || "none" }, { title: "Catalog", cell: (row) => row.catalog },
    ]}
    empty=${{ title: "No meters yet.", text: "A meter says how events of usage add up.", curl: curl("POST", "/v1/meters", { body: { key: "api_calls", aggregation: "sum" } }) }} />`;
}
