/** One payment: what happened, what it paid, what went back. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { decline } from "../ui/declines.js";
import { Rows } from "../ui/list.js";
import { Action, ApiCall, Badge, Facts, Heading, Id, Loaded, Money, Problem, Section } from "../ui/parts.js";
import { notRefundable, refundable, refundDialog } from "../ui/refund.js";
import { CustomerName } from "./invoices.js";
import { PaidFor } from "./payments.js";

const TOLD = {
  pending: "It is under way; nobody knows its outcome yet. It is asked about again by itself.",
  processing: "The bank is still at it. The outcome comes by itself.",
  requires_action: "The payer must confirm it with the bank (3-D Secure), within 24 hours of its beginning. Then it is canceled.",
  requires_payment_method: "A form is open, and the payer has not paid in it yet. After 24 hours it is canceled.",
  canceled: "Nothing was taken.",
};

const SETTLED_BY = { request: "the answer to the charge", webhook: "Stripe's webhook", sweep: "the sweep, which asked Stripe" };

export default function PaymentPage({ id }) {
  const path = `/v1/payments/${encodeURIComponent(id)}`;
  const payment = useApi(path, { expand: "customer" });
  const refunds = useApi(`${path}/refunds`, { limit: 100 });
  const disputes = useApi(payment.data?.disputed ? "/v1/disputes" : null, { payment: payment.data?.id, limit: 100 });
  const reload = () => [payment, refunds].forEach((each) => each.reload());
  if (!payment.data) return html`<${Heading} title="Payment" /><${Loaded} from=${payment} />`;
  const it = payment.data;
  const why = decline(it.error);
  return html`
    <${Heading} title=${html`Payment of <${Money} of=${it.amount} in=${it.currency} />`} badge=${it.status}>
      <${Action} scope="payments:process" unless=${notRefundable(it)} dialog=${() => refundDialog(it, reload)}>Refund<//><//>
    ${TOLD[it.status] && html`<p>${TOLD[it.status]}</p>`}
    ${why && html`<p><strong>${why.what}.</strong> ${why.help} <code class="quiet">${why.code}</code></p>`}
    ${it.amountAsked !== null && html`<p class="warn">Something else came than was asked for: <${Money} of=${it.amountAsked} in=${it.currencyAsked} /> was asked.</p>`}
    ${it.disputed && html`<p class="warn"><strong>The payer disputes it.</strong> The bank decides; until then nothing is refunded.</p>`}
    <${Facts} rows=${[
      ["Left to refund", html`<${Money} of=${refundable(it)} in=${it.currency} />`],
      ["Refunded, with what is under way", it.amountRefunded !== 0 && html`<${Money} of=${it.amountRefunded} in=${it.currency} />`],
      ["For", html`<${PaidFor} row=${it} />`],
      ["Customer", html`<${CustomerName} row=${it} />`],
      ["Subscription", it.subscriptionId && html`<a href=${href(`/subscriptions/${it.subscriptionId}`)}>${it.subscriptionId}</a>`],
      ["Card", it.card ? `${it.card.brand} •••• ${it.card.last4}` : "not known"],
      ["Attempt", String(it.attempt)],
      ["Stripe's fee", it.fee ? html`<${Money} of=${it.fee.amount} in=${it.fee.currency} />` : it.status === "succeeded" && "not told yet"],
      ["Paid out by Stripe from", it.availableOn && html`<${Time} at=${it.availableOn} />`],
      ["Began", html`<${Time} at=${it.createdAt} />`],
      ["Outcome", it.settledAt && html`<${Time} at=${it.settledAt} />, by ${SETTLED_BY[it.settledBy] ?? it.settledBy}`],
      ["Stripe's event", it.settledEventId && html`<${Id} id=${it.settledEventId} />`],
      ["Stripe's PaymentIntent", it.paymentIntentId && html`<${Id} id=${it.paymentIntentId} />`],
      ...Object.entries(it.metadata).map(([name, value]) => [`metadata: ${name}`, value]),
      ["Id", html`<${Id} id=${it.id} />`],
    ]} />
    <${Section} title="Refunds"><${Loaded} from=${refunds}>${(rows) => html`<${Refunds} rows=${rows} />`}<//><//>
    ${it.disputed && html`<${Section} title="Disputes"><${Loaded} from=${disputes}>${(rows) => html`<${Rows} rows=${rows} caption="Disputes" rowHref=${(row) => href(`/disputes/${row.id}`)}
      columns=${[
        { title: "Opened", cell: (row) => html`<${Time} at=${row.createdAt} />` }, { title: "State", cell: (row) => html`<${Badge} state=${row.status} />` },
        { title: "Reason", cell: (row) => words(row.reason) }, { title: "Amount", number: true, cell: (row) => html`<${Money} of=${row.amount} in=${row.currency} />` },
        { title: "Evidence by", cell: (row) => html`<${Time} at=${row.evidenceDueBy} />` },
      ]} />`}<//><//>`}
    <${Problem} error=${payment.error} retry=${payment.reload} />
    <${ApiCall} text=${curl("GET", path, { query: { expand: "customer" } })} />`;
}

function Refunds({ rows }) {
  if (rows.length === 0) return html`<p class="quiet">Nothing was refunded.</p>`;
  return html`<${Rows} rows=${rows} caption="Refunds, newest first" columns=${[
    { title: "At", cell: (row) => html`<${Time} at=${row.createdAt} />` },
    { title: "State", cell: (row) => html`<${Badge} state=${row.status} /> ${row.failureReason && words(row.failureReason)}` },
    { title: "Amount", number: true, cell: (row) => html`<${Money} of=${row.amount} in=${row.currency} />` },
    { title: "Reason", cell: (row) => row.reason ?? "" },
    { title: "Credit note", cell: (row) => row.creditNoteId && html`<a href=${href(`/credit-notes/${row.creditNoteId}`)}>${row.creditNoteId}</a>` },
    { title: "Made", cell: (row) => (row.madeAtStripe ? "in Stripe's dashboard" : row.fromBalance ? "of what was paid too much" : "here") },
  ]} />`;
}
