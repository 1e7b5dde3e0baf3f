/** Invoices: the list with actions on several, and a new one-off invoice. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { decline, notPaidYet } from "../ui/declines.js";
import { List } from "../ui/list.js";
import { newInvoiceDialog } from "../ui/new_invoice.js";
import { Action, Badge, Heading, Money } from "../ui/parts.js";

const STATUSES = ["draft", "open", "paid", "void", "uncollectible"].map((each) => [each, each]);

/** What can be done with several invoices at once; each row tells its own outcome. */
export const BULK = [
  { title: "Finalize drafts", path: (row) => `/v1/invoices/${row.id}/finalize`, scope: "billing:write" },
  { title: "Retry payment", path: (row) => `/v1/invoices/${row.id}/pay`, scope: "payments:process", unfinished: notPaidYet },
  { title: "Void", path: (row) => `/v1/invoices/${row.id}/void`, scope: "billing:admin", danger: true },
];

/** Who is billed. */
export function CustomerName({ row }) {
  return html`<a class="name" href=${href(`/customers/${row.customerId}`)}>${row.customer?.name ?? row.customer?.email ?? row.customerId}</a>`;
}

/** What an open invoice or a draft waits for, shortly. */
function Waits({ row }) {
  const why = decline(row.paymentError);
  if (row.status === "draft" && row.taxWaits) return "nobody could say which tax is due";
  if (row.status === "draft") return row.finalizesAt ? html`finalized <${Time} at=${row.finalizesAt} />` : "to be finalized";
  if (row.status !== "open") return row.disputed ? html`<${Badge} state="disputed" />` : "";
  return html`${why?.what} ${row.nextAttemptAt ? html`${why && html`<br />`}next attempt <${Time} at=${row.nextAttemptAt} />` : !why && html`due <${Time} at=${row.dueAt} only="day" />`}`;
}

export default function Invoices() {
  return html`<${Heading} title="Invoices"><${Action} scope="billing:write" primary dialog=${() => newInvoiceDialog()}>New invoice<//><//>
    <${List} path="/v1/invoices" fixed=${{ view: "summary", expand: "customer" }} caption="Invoices, newest first" bulk=${BULK}
      rowHref=${(row) => href(`/invoices/${row.id}`)}
      filters=${[
        { name: "status", label: "State", type: "select", options: STATUSES },
        { name: "number", label: "Number" }, { name: "customer", label: "Customer's id" }, { name: "currency", label: "Currency" },
        { name: "overdue", label: "Overdue", type: "select", options: [["true", "only overdue"]] },
        { name: "dueFrom", label: "Due from", type: "date" }, { name: "dueTo", label: "due before", type: "date" },
        { name: "from", label: "Created from", type: "date" }, { name: "to", label: "created before", type: "date" },
      ]}
      columns=${[
        { title: "Number", cell: (row) => html`<span class="nowrap">${row.number ?? "draft"}</span>` },
        { title: "Customer", cell: (row) => html`<${CustomerName} row=${row} />` },
        { title: "State", cell: (row) => html`<${Badge} state=${row.status} />` },
        { title: "Total", number: true, cell: (row) => html`<${Money} of=${row.total} in=${row.currency} />` },
        { title: "Due", number: true, cell: (row) => html`<${Money} of=${row.amountDue} in=${row.currency} />` },
        { title: "Waits for", cell: (row) => html`<span class="wide-text"><${Waits} row=${row} /></span>` },
        { title: "Created", cell: (row) => html`<${Time} at=${row.createdAt} />` },
      ]}
      empty=${{ title: "No invoices yet.", text: "A subscription makes its invoices by itself; one by hand is made by “New invoice”.",
        curl: curl("POST", "/v1/invoices", { body: { customerId: "cus_…", lines: [{ description: "Setup", unitAmount: 5_000_000 }] } }) }} />`;
}
