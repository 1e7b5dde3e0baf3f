/** Where an invoice stands, and what it waits for, in words. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { decline } from "./declines.js";
import { Money } from "./parts.js";

const PAYER_HAS_MS = 24 * 3_600_000; // then the API cancels what a payer did not complete

/**
 * @param {{invoice: object, payments: object[]|null}} props payments: its attempts, newest first; null while they are read
 */
export function InvoiceStory({ invoice, payments }) {
  const said = [...(TOLD[invoice.status]?.(invoice, payments?.[0]) ?? []), ...always(invoice)];
  return html`<div class="story">${said.map((each) => html`<p>${each}</p>`)}</div>`;
}

const TOLD = {
  draft: (invoice) => {
    if (invoice.taxWaits) {
      return [html`<strong>It waits for tax.</strong> Since <${Time} at=${invoice.createdAt} /> nobody could say which tax is due: the tax provider
        does not answer, or the customer's address does not say enough. ${invoice.finalizesAt
          ? html`Asked again <${Time} at=${invoice.finalizesAt} />; “Finalize” asks now.`
          : "“Finalize” asks again."}`];
    }
    return [invoice.finalizesAt
      ? html`A draft in its grace period: it is finalized by itself <${Time} at=${invoice.finalizesAt} />. Until then lines can be added.`
      : "A draft: nothing is owed, and it has no number, until somebody finalizes it."];
  },
  open: (invoice, last) => [...charge(invoice, last), ...next(invoice, last)],
  paid: (invoice) => [invoice.amountPaid > 0
    ? html`Paid <${Time} at=${invoice.paidAt} />.`
    : html`Settled <${Time} at=${invoice.paidAt} /> without a payment: by the balance or by credits, or because nothing was due.`],
  void: () => ["Void: nobody has to pay it any more. It keeps its number."],
  uncollectible: (invoice, last) => ["Given up as bad debt. It is not tried again by itself, and can still be paid.", ...charge(invoice, last)],
};

function charge(invoice, last) {
  if (last?.status === "requires_action") {
    const until = new Date(Date.parse(last.createdAt) + PAYER_HAS_MS).toISOString();
    return [html`<strong>The payer must confirm it with the bank</strong> (3-D Secure): <a href=${href(`/payments/${last.id}`)}>the payment</a> waits for that
      until <${Time} at=${until} />, and is then canceled.`];
  }
  if (last?.status === "requires_payment_method") return [html`A payer has opened a form and has not paid yet: <a href=${href(`/payments/${last.id}`)}>the payment</a>.`];
  if (last?.status === "processing" || last?.status === "pending") return [html`<a href=${href(`/payments/${last.id}`)}>A charge</a> is under way; its outcome is not known yet.`];
  const why = decline(invoice.paymentError);
  if (!why) return [];
  const times = invoice.attemptCount === 0 ? "No charge was tried" : invoice.attemptCount === 1 ? "One attempt failed" : `${invoice.attemptCount} attempts failed`;
  return [html`<strong>${times}: ${why.what}.</strong> ${why.help} <code class="quiet">${why.code}</code>`];
}

function next(invoice, last) {
  const due = html`<${Time} at=${invoice.dueAt} />`;
  const waits = last && ["requires_action", "processing", "pending"].includes(last.status);
  if (!invoice.autoCharge) {
    const late = invoice.dueAt && Date.parse(invoice.dueAt) < Date.now();
    return [html`No card is charged for it: it waits to be paid, by ${due}.${late ? " That is over." : ""}`];
  }
  if (invoice.nextAttemptAt) return [html`Next attempt <${Time} at=${invoice.nextAttemptAt} />, with the card that the customer has then.`];
  if (waits) return [];
  if (invoice.billingReason === "subscription_create" && invoice.attemptCount > 0) {
    return ["It is not tried again by itself: it is a subscription's first one, and that begins only when it is paid."];
  }
  return [html`No attempt is planned. It was to be paid by ${due}.`];
}

function always(invoice) {
  const { currency } = invoice;
  return [
    invoice.disputed && html`<strong>A payment of it is disputed</strong>, or the dispute was lost.`,
    invoice.amountCarried !== 0 && html`<${Money} of=${invoice.amountCarried} in=${currency} /> is less than a card can be charged, so the customer's next invoice asks for it.`,
    invoice.balanceApplied > 0 && html`The customer's balance paid <${Money} of=${invoice.balanceApplied} in=${currency} /> of it.`,
    invoice.balanceApplied < 0 && html`<${Money} of=${-invoice.balanceApplied} in=${currency} /> went to the customer's balance, or was collected for it.`,
  ].filter(Boolean);
}
