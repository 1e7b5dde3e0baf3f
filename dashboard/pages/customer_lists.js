/** A customer's invoices, payments and subscriptions. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Badge, Money } from "../ui/parts.js";
import { subscriptionColumns } from "./subscriptions.js";

/** Columns of invoices of one customer, of their summaries. */
export const invoiceColumns = [
  { title: "Number", cell: (row) => row.number ?? "draft" },
  { title: "State", cell: (row) => html`<${Badge} state=${row.status} />${row.disputed && html` <${Badge} state="disputed" />`}` },
  { title: "For", cell: (row) => words(row.billingReason) },
  { title: "Total", number: true, cell: (row) => html`<${Money} of=${row.total} in=${row.currency} />` },
  { title: "To pay", number: true, cell: (row) => html`<${Money} of=${row.amountDue} in=${row.currency} />` },
  { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} />` },
  { title: "Due", cell: (row) => html`<${Time} at=${row.dueAt} only="day" />` },
];

const paymentColumns = [
  { title: "Amount", cell: (row) => html`<${Money} of=${row.amount} in=${row.currency} />` },
  { title: "State", cell: (row) => html`<${Badge} state=${row.status} />${row.disputed && html` <${Badge} state="disputed" />`}` },
  { title: "Why", cell: (row) => row.error?.message },
  { title: "Refunded", number: true, cell: (row) => (row.amountRefunded ? html`<${Money} of=${row.amountRefunded} in=${row.currency} />` : null) },
  { title: "For", cell: (row) => row.invoiceId ? html`<a href=${href(`/invoices/${row.invoiceId}`)}>invoice</a>` : row.orderId ? html`<a href=${href(`/orders/${row.orderId}`)}>order</a>` : "itself" },
  { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} />` },
];

const INVOICE_STATES = ["draft", "open", "paid", "void", "uncollectible"].map((each) => [each, each]);

export function CustomerInvoices({ customer }) {
  const line = { description: "Set-up", amount: 5000000 };
  return html`<${List} path="/v1/invoices" caption="Invoices of this customer" fixed=${{ customer: customer.id, view: "summary" }} rowHref=${(row) => href(`/invoices/${row.id}`)}
    filters=${[{ name: "status", label: "State", type: "select", options: INVOICE_STATES }]} columns=${invoiceColumns}
    empty=${{ title: "No invoices yet.", text: "A subscription makes them; one of its own is made by this call.", curl: curl("POST", "/v1/invoices", { body: { customerId: customer.id, lines: [line] } }) }} />`;
}

export function CustomerPayments({ customer }) {
  const body = { customerId: customer.id, amount: 5000000, currency: customer.currency };
  return html`<${List} path="/v1/payments" caption="Payments of this customer" fixed=${{ customer: customer.id }} rowHref=${(row) => href(`/payments/${row.id}`)}
    columns=${paymentColumns} empty=${{ title: "No payments yet.", text: "An open invoice is paid under Invoices; an amount of its own by this call.", curl: curl("POST", "/v1/payments", { body }) }} />`;
}

export function CustomerSubscriptions({ customer }) {
  const body = { customerId: customer.id, planId: "business-monthly", quantities: { seats: 10 } };
  return html`<${List} path="/v1/subscriptions" caption="Subscriptions of this customer" fixed=${{ customer: customer.id, view: "summary" }}
    rowHref=${(row) => href(`/subscriptions/${row.id}`)} columns=${subscriptionColumns(false)}
    empty=${{ title: "No subscriptions yet.", text: "“New subscription” above begins one.", curl: curl("POST", "/v1/subscriptions", { body }) }} />`;
}
