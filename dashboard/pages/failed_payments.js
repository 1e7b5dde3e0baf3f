/** Failed payments: what was not collected, in the order in which it is tried again; and what waits for its payer. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { decline } from "../ui/declines.js";
import { List } from "../ui/list.js";
import { Heading, Money } from "../ui/parts.js";
import { Tabs, tabOf } from "../ui/tabs.js";
import { BULK, CustomerName } from "./invoices.js";
import { PAYMENT_COLUMNS, PaidFor } from "./payments.js";

const TABS = [["", "Failed"], ["overdue", "Past due"], ["payer", "Waiting for the payer"]];
const ROWS = { view: "summary", expand: "customer" };
const FILTERS = [{ name: "customer", label: "Customer's id" }, { name: "currency", label: "Currency" }];
const RETRY = BULK.filter((each) => each.title === "Retry payment");

export default function FailedPayments() {
  const tab = tabOf(TABS);
  return html`<${Heading} title="Failed payments" /><${Tabs} tabs=${TABS} />
    ${tab === "payer" ? html`<${Payers} />` : tab === "overdue" ? html`<${PastDue} />` : html`<${Queue} />`}`;
}

/** Open invoices whose charge failed: the next to be tried first, then those that nobody tries. */
function Queue() {
  return html`<p>Open invoices whose last charge failed, or that nobody could charge; the next to be tried first.</p>
    <${List} path="/v1/invoices" fixed=${{ ...ROWS, attempt: "failed" }} caption="Failed payments, by next attempt" bulk=${RETRY}
      rowHref=${(row) => href(`/invoices/${row.id}`)} filters=${FILTERS} columns=${COLUMNS}
      empty=${{ title: "No charge failed.", text: "To see one in test mode: a customer with the card pm_card_chargeCustomerFail." }} />`;
}

/** Open invoices whose time to pay is over, tried or not. */
function PastDue() {
  return html`<p>Open invoices whose time to pay is over, newest first; also those that no card is charged for.</p>
    <${List} path="/v1/invoices" fixed=${{ ...ROWS, overdue: true }} caption="Past due, newest first" bulk=${RETRY}
      rowHref=${(row) => href(`/invoices/${row.id}`)} filters=${FILTERS} columns=${COLUMNS}
      empty=${{ title: "Nothing is past due." }} />`;
}

const COLUMNS = [
  { title: "Invoice", cell: (row) => html`<span class="nowrap">${row.number}</span>` },
  { title: "Customer", cell: (row) => html`<${CustomerName} row=${row} />` },
  { title: "Due", number: true, cell: (row) => html`<${Money} of=${row.amountDue} in=${row.currency} />` },
  { title: "Next attempt", cell: (row) => (row.nextAttemptAt ? html`<${Time} at=${row.nextAttemptAt} />` : "none by itself") },
  { title: "Attempts", number: true, cell: (row) => row.attemptCount },
  { title: "Why", cell: (row) => html`<span class="wide-text"><${Why} row=${row} /></span>` },
  { title: "Was due", cell: (row) => html`<${Time} at=${row.dueAt} only="day" />` },
];

function Why({ row }) {
  const why = decline(row.paymentError);
  if (why) return html`${why.what}. <span class="quiet">${why.help}</span>`;
  if (row.attemptCount > 0) return "The payer must confirm it, or its outcome is not known yet.";
  return "Nobody paid it.";
}

/** Payments that only their payer can go on with. */
function Payers() {
  const [at, state, ...others] = PAYMENT_COLUMNS;
  return html`<p>The bank wants these payers to confirm (3-D Secure). Who does not within 24 hours has to begin anew.</p>
    <${List} path="/v1/payments" fixed=${{ status: "requires_action", expand: "customer" }} caption="Payments that wait for their payer, newest first"
      rowHref=${(row) => href(`/payments/${row.id}`)}
      filters=${[{ name: "customer", label: "Customer's id" }, { name: "currency", label: "Currency" }]}
      columns=${[at, { title: "Customer", cell: (row) => html`<${CustomerName} row=${row} />` }, { title: "For", cell: (row) => html`<${PaidFor} row=${row} />` }, state, ...others]}
      empty=${{ title: "No payment waits for its payer." }} />`;
}
