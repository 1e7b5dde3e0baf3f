/** Orders of the marketplace. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Badge, Heading, Id } from "../ui/parts.js";

const STATES = ["pending", "processing", "requires_action", "paid", "partially_refunded", "refunded", "expired", "canceled"];

export default function Orders() {
  return html`<${Heading} title="Orders" />
    <${List} path="/v1/commerce/orders" caption="Orders" fixed=${{ expand: "customer" }} rowHref=${(row) => href(`/orders/${row.id}`)}
      filters=${[
        { name: "status", label: "State", type: "select", options: STATES.map((each) => [each, each.replaceAll("_", " ")]) }, { name: "customer", label: "Customer" },
        { name: "currency", label: "Currency" }, { name: "from", label: "Made from", type: "date" }, { name: "to", label: "to, not included", type: "date" },
      ]}
      columns=${[
        { title: "Customer", cell: (row) => row.customer?.name ?? row.customerId },
        { title: "", cell: (row) => html`<${Badge} state=${row.status} />${row.disputed && html` <${Badge} state="failed" text="disputed" />`}` },
        { title: "Items", cell: (row) => row.items.map((each) => `${each.quantity} × ${each.description}`).join(", ") },
        { title: "Total", number: true, cell: (row) => money(row.total, row.currency) },
        { title: "Refunded", number: true, cell: (row) => (row.amountRefunded ? money(row.amountRefunded, row.currency) : "") },
        { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} />` },
        { title: "Id", cell: (row) => html`<${Id} id=${row.id} />` },
      ]}
      empty=${{ title: "No orders yet.", text: "An order is paid once and reaches several providers.",
        curl: curl("POST", "/v1/commerce/orders", { body: { currency: "USD", items: [{ sku: "scarf", description: "A scarf", quantity: 1, unitAmount: 25000000, providerTenantId: "ten_of_the_provider", commissionBps: 1200 }] } }) }} />`;
}
