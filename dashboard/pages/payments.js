/** Payments: every attempt to collect money. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { decline } from "../ui/declines.js";
import { List } from "../ui/list.js";
import { Badge, Heading, Money } from "../ui/parts.js";
import { CustomerName } from "./invoices.js";

export const PAYMENT_STATUSES = ["succeeded", "failed", "requires_action", "requires_payment_method", "processing", "pending", "canceled"]
  .map((each) => [each, each.replaceAll("_", " ")]);

/** What a payment is, wherever payments are listed. */
export const PAYMENT_COLUMNS = [
  { title: "At", cell: (row) => html`<${Time} at=${row.createdAt} />` },
  { title: "State", cell: (row) => html`<${Badge} state=${row.status} /> ${row.disputed && html`<${Badge} state="disputed" />`}` },
  { title: "Why", cell: (row) => decline(row.error)?.what ?? "" },
  { title: "Amount", number: true, cell: (row) => html`<${Money} of=${row.amount} in=${row.currency} />` },
  { title: "Refunded", number: true, cell: (row) => (row.amountRefunded ? html`<${Money} of=${row.amountRefunded} in=${row.currency} />` : "") },
  { title: "Card", cell: (row) => (row.card ? `${row.card.brand} •••• ${row.card.last4}` : "") },
];

/** What a payment is for. */
export function PaidFor({ row }) {
  if (row.invoiceId) return html`<a href=${href(`/invoices/${row.invoiceId}`)}>invoice</a>`;
  return row.orderId ? html`order <a href=${href(`/orders/${row.orderId}`)}>${row.orderId}</a>` : "a plain amount";
}

export default function Payments() {
  const [at, ...others] = PAYMENT_COLUMNS;
  return html`<${Heading} title="Payments" />
    <${List} path="/v1/payments" fixed=${{ expand: "customer" }} caption="Payments, newest first" rowHref=${(row) => href(`/payments/${row.id}`)}
      filters=${[
        { name: "status", label: "State", type: "select", options: PAYMENT_STATUSES },
        { name: "customer", label: "Customer's id" }, { name: "invoice", label: "Invoice's id" }, { name: "subscription", label: "Subscription's id" },
        { name: "order", label: "Order's id" }, { name: "currency", label: "Currency" },
        { name: "from", label: "From", type: "date" }, { name: "to", label: "before", type: "date" },
      ]}
      columns=${[at, { title: "Customer", cell: (row) => html`<${CustomerName} row=${row} />` }, { title: "For", cell: (row) => html`<${PaidFor} row=${row} />` }, ...others]}
      empty=${{ title: "No payments yet.", text: "An invoice that is finalized is charged by itself, where the customer has a card.",
        curl: curl("POST", "/v1/payments", { body: { invoiceId: "in_…" } }) }} />`;
}
