/** Events: what happened, as webhooks tell it. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { href, query } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Heading } from "../ui/parts.js";
import { sentence } from "../ui/sentences.js";

export default function Events() {
  const ofFailures = query.value.get("deliverySuccess") === "false"; // a list of its own, in one order
  return html`<${Heading} title="Events" />
    <p class="quiet">${ofFailures ? "Oldest first: those that did not reach an endpoint." : "Newest first, as they were committed."} Events are kept for 30 days.</p>
    <${List} path="/v1/events" caption="Events" rowHref=${(row) => href(`/events/${row.id}`)} fixed=${{ order: ofFailures ? null : "newest" }}
      filters=${[
        { name: "from", label: "From", type: "date" }, { name: "to", label: "to, not included", type: "date" }, { name: "type", label: "Type, such as invoice.*" }, { name: "customer", label: "Customer's id" }, { name: "objectId", label: "About the id" },
        { name: "testClock", label: "Test clock's id" },
        { name: "deliverySuccess", label: "Deliveries", type: "select", options: [["false", "failed or skipped"]] },
      ]}
      columns=${[
        { title: "Type", cell: (row) => row.type }, { title: "What happened", cell: (row) => sentence(row) },
        { title: "When", cell: (row) => html`<${Time} at=${row.created} />` },
        ...(query.value.get("testClock") ? [{ title: "Its clock showed", cell: (row) => html`<${Time} at=${row.occurredAt} />` }] : []),
      ]} empty=${{ title: "No events yet." }} />`;
}
