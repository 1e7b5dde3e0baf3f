/** Events: what happened, as webhooks tell it. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Heading, Id } from "../ui/parts.js";

export default function Events() {
  return html`<${Heading} title="Events" />
    <p class="quiet">Oldest first, as a feed: say from when. Events are kept for 30 days.</p>
    <${List} path="/v1/events" caption="Events" rowHref=${(row) => href(`/events/${row.id}`)}
      filters=${[
        { name: "from", label: "From", type: "date" }, { name: "to", label: "to, not included", type: "date" }, { name: "type", label: "Type, such as invoice.*" }, { name: "objectId", label: "About the id" },
        { name: "deliverySuccess", label: "Deliveries", type: "select", options: [["false", "failed or skipped"]] },
      ]}
      columns=${[
        { title: "Type", cell: (row) => row.type }, { title: "About", cell: (row) => html`<${Id} id=${row.data.object.id} />` },
        { title: "What changed", cell: (row) => (row.data.changed ?? []).join(", ") }, { title: "When", cell: (row) => html`<${Time} at=${row.created} />` },
      ]} empty=${{ title: "No events yet." }} />`;
}
