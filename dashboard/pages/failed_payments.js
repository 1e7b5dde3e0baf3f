/** Failed payments: what was not collected, in the order in which it is tried again; and what waits for its payer. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { curl, every } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { decline } from "../ui/declines.js";
import { List, Outcomes, Rows } from "../ui/list.js";
import { ApiCall, Badge, Empty, Heading, Loading, Money, Problem } from "../ui/parts.js";
import { Tabs, tabOf } from "../ui/tabs.js";
import { BULK, CustomerName } from "./invoices.js";
import { PAYMENT_COLUMNS, PaidFor } from "./payments.js";

const TABS = [["", "Failed or past due"], ["payer", "Waiting for the payer"]];
const QUERY = { status: "open", view: "summary", expand: "customer" };
const MOST = 1000; // open invoices that are looked through; ten calls

export default function FailedPayments() {
  return html`<${Heading} title="Failed payments" /><${Tabs} tabs=${TABS} />
    ${tabOf(TABS) === "payer" ? html`<${Payers} />` : html`<${Queue} />`}`;
}

/** Open invoices with a failed charge, or whose time to pay is over; the next to be tried first, then those that nobody tries. */
function Queue() {
  const [turn, setTurn] = useState(0);
  const [read, setRead] = useState({ rows: null, error: null, at: null, more: false });
  useEffect(() => {
    let gone = false;
    const tell = (found) => { if (!gone) setRead((before) => ({ ...before, error: null, ...found })); };
    every("/v1/invoices", QUERY, MOST).then(
      (open) => tell({ rows: queue(open), at: new Date().toISOString(), more: open.length >= MOST }), (error) => tell({ error }));
    return () => { gone = true; };
  }, [turn]);
  const again = () => setTurn((before) => before + 1);
  const { rows, error, at, more } = read;
  return html`<${Outcomes} />
    ${error && html`<${Problem} error=${error} retry=${again} />`}
    ${!error && rows === null && html`<${Loading} />`}
    ${rows && html`<p class="quiet">Open invoices whose charge failed, or that are past due, as of <${Time} at=${at} />. <button type="button" onClick=${again}>Read again</button></p>`}
    ${more && html`<p class="warn">There are more than ${MOST} open invoices: only the newest were looked through. Narrow them down under <a href=${href("/invoices", { status: "open" })}>Invoices</a>.</p>`}
    ${rows?.length === 0 && html`<${Empty} title="Nothing failed, and nothing is past due.">To see one in test mode: a customer with the card pm_card_chargeCustomerFail.<//>`}
    ${rows?.length > 0 && html`<${Rows} rows=${rows} caption="Failed payments, by next attempt" bulk=${BULK.filter((each) => each.title === "Retry payment")} reload=${again}
      rowHref=${(row) => href(`/invoices/${row.id}`)} columns=${COLUMNS} />`}
    <${ApiCall} text=${curl("GET", "/v1/invoices", { query: { ...QUERY, limit: 100 } })} />`;
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
  return html`<${Badge} state="past_due" /> nobody paid it`;
}

function queue(open) {
  const now = Date.now();
  const key = (row) => row.nextAttemptAt ?? `9999${row.dueAt}`;
  return open.filter((row) => row.paymentError || row.attemptCount > 0 || Date.parse(row.dueAt) < now)
    .sort((one, other) => (key(one) < key(other) ? -1 : 1));
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
