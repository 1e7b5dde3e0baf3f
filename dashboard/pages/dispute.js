/** One dispute: what the bank wants, until when, and where the money is. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { ApiCall, Facts, Heading, Id, Loaded, Money } from "../ui/parts.js";
import { CustomerName } from "./invoices.js";

/** What Stripe's categories mean (docs.stripe.com/disputes/categories). */
const REASONS = {
  bank_cannot_process: "the bank cannot process the charge", check_returned: "a check was returned", credit_not_processed: "the payer expected a refund that did not come",
  customer_initiated: "the payer asked the bank for the money", debit_not_authorized: "the payer did not allow the debit", duplicate: "the payer says it was charged twice",
  fraudulent: "the payer says that somebody else used the card", general: "the bank gives no category", incorrect_account_details: "the account details are wrong",
  insufficient_funds: "the account has not enough money", noncompliant: "the bank says that a rule was broken", product_not_received: "the payer says that nothing came",
  product_unacceptable: "the payer says that it was not as described", subscription_canceled: "the payer says that the subscription was canceled before",
  unrecognized: "the payer does not recognise the charge",
};

const TOLD = {
  warning_needs_response: "An inquiry: no money has moved. An answer may keep it from becoming a dispute.",
  warning_under_review: "An inquiry that was answered. The bank looks at it.",
  warning_closed: "An inquiry that ended without a dispute.",
  needs_response: "The bank wants evidence. Without it the dispute is lost. Evidence is handed in at Stripe.",
  under_review: "Evidence was handed in. The bank decides; that can take months.",
  prevented: "It was prevented before it became a dispute.",
  won: "Won: the bank decided for you.",
  lost: "Lost: the bank decided for the payer.",
};

export default function DisputePage({ id }) {
  const path = `/v1/disputes/${encodeURIComponent(id)}`;
  const dispute = useApi(path, { expand: "customer" });
  if (!dispute.data) return html`<${Heading} title="Dispute" /><${Loaded} from=${dispute} />`;
  const it = dispute.data;
  return html`
    <${Heading} title=${html`Dispute of <${Money} of=${it.amount} in=${it.currency} />`} badge=${it.status} />
    <p>${TOLD[it.status] ?? words(it.status)}</p>
    <p><strong>Why:</strong> ${REASONS[it.reason] ?? words(it.reason)}.</p>
    <p><strong>The money:</strong> ${moneySaid(it)}</p>
    <${Facts} rows=${[
      ["Evidence is taken until", it.evidenceDueBy && !it.closedAt && html`<${Time} at=${it.evidenceDueBy} />`],
      ["Payment", html`<a href=${href(`/payments/${it.paymentId}`)}>${it.paymentId}</a>`],
      ["Invoice", it.invoiceId && html`<a href=${href(`/invoices/${it.invoiceId}`)}>${it.invoiceId}</a>`],
      ["Customer", html`<${CustomerName} row=${it} />`],
      ["Opened", html`<${Time} at=${it.createdAt} />`],
      ["Decided", it.closedAt && html`<${Time} at=${it.closedAt} />`],
      ["At Stripe", html`<${Id} id=${it.stripeDisputeId} />`],
      ["Id", html`<${Id} id=${it.id} />`],
    ]} />
    <${ApiCall} text=${curl("GET", path, { query: { expand: "customer" } })} />`;
}

function moneySaid(it) {
  const amount = html`<${Money} of=${it.amount} in=${it.currency} />`;
  if (it.status === "lost") return html`${amount} went back to the payer for good, and is bad debt in the books.`;
  if (it.status === "won") return it.fundsWithdrawn ? html`${amount} was taken; that it comes back is still to be told by Stripe.` : html`${amount} is back with you.`;
  return it.fundsWithdrawn ? html`${amount} was taken from your account at Stripe until the bank decides; Stripe's fee is in the books as well.` : html`Nothing was taken. ${amount} is what the payer contests.`;
}
