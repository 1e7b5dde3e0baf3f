/** What happened, as a sentence with a link: one table for every timeline, by the type of event. */

import { html } from "../vendor/preact.js";
import { day, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { Id } from "./told.js";

const link = (place, id, text) => html`<a href=${href(`${place}/${id}`)}>${text}</a>`;
const FOR = {
  subscription_create: " for a new subscription", subscription_cycle: " for a renewal", subscription_update: " for a change of a subscription",
  subscription_cancel: " for the end of a subscription",
};
const STOPPED = "failed again and again; nobody tries it any more";

/** Why a bank, or Stripe, refused: of a payment, or of an invoice's last charge. */
export function refusal(error) {
  if (!error) return "no reason is known";
  const said = error.declineCode ? words(error.declineCode) : String(error.message ?? "").replace(/\.$/, "");
  return said || words(error.code);
}

export const customerName = (of) => link("/customers", of.id, of.name || "An erased customer");
export const subscriptionName = (of, article = "The") => link("/subscriptions", of.id, `${article} subscription to ${of.planId}`);
/** "Invoice DEMO-000002"; of an id alone "an invoice". @param {{id: string, number?: string|null, status?: string}} of */
export const invoiceName = (of) => link("/invoices", of.id, of.number ? `Invoice ${of.number}` : of.status === "draft" ? "A draft" : "an invoice");
export const amount = (of) => money(of.amount, of.currency);

const customer = {
  created: (of) => html`${customerName(of)} was made.`,
  updated: (of, { changed }) => html`${customerName(of)} was changed${changed.length > 0 && `: ${fields(changed)}`}.`,
  deleted: () => "A customer was erased; the documents stay.",
  parked: () => `The erasure of a customer ${STOPPED}.`,
};

const subscription = {
  created: (of) => html`${subscriptionName(of)} ${begun(of)}.`,
  updated: (of, { changed }) => html`${subscriptionName(of)} ${moved(of, changed)}.`,
  trial_will_end: (of) => html`The trial of ${subscriptionName(of, "the")} ends on ${day(of.trialEnd)}.`,
  past_due: (of) => html`${subscriptionName(of)} is past due: a charge failed.`,
  paused: (of) => html`${subscriptionName(of)} was paused${of.pausedBy === "dunning" && ": its charges failed too often"}${of.resumesAt && `, until ${day(of.resumesAt)}`}.`,
  resumed: (of) => html`${subscriptionName(of)} runs again.`,
  canceled: (of) => html`${subscriptionName(of)} was canceled.`,
  parked: (of) => html`The next step of ${subscriptionName(of, "the")} ${STOPPED}.`,
};

function begun(of) {
  if (of.billedUntil) return "was imported";
  if (of.state === "trialing") return `began its trial, until ${day(of.trialEnd)}`;
  return of.state === "incomplete" ? "waits for its first payment" : "began";
}

function moved(of, changed) {
  if (changed.includes("currentPeriod")) return `went into its period until ${day(of.currentPeriod.end)}`;
  if (changed.includes("cancelAtPeriodEnd")) return of.cancelAtPeriodEnd ? `was set to end on ${day(of.currentPeriod.end)}` : "was kept: it does not end any more";
  if (changed.join() === "unpaidInvoiceIds") return of.unpaidInvoiceIds.length > 0 ? "has an unpaid invoice" : "has nothing unpaid any more";
  if (changed.includes("state")) return `is ${words(of.state)} now`;
  return changed.length > 0 ? `was changed: ${fields(changed)}` : "was changed";
}

const over = (of) => `over ${money(of.total, of.currency)}`;
const invoice = {
  created: (of) => html`A draft ${over(of)} was ${link("/invoices", of.id, "made")}${FOR[of.billingReason]}.`,
  finalized: (of) => html`${invoiceName(of)} ${over(of)} was finalized${FOR[of.billingReason]}.`,
  paid: (of) => html`${invoiceName(of)} ${over(of)} is paid.`,
  payment_failed: (of, { at }) => html`The charge of ${money(of.amountDue, of.currency)} for ${invoiceName(of)} failed: ${refusal(of.paymentError)}; ${of.nextAttemptAt > at ? `next attempt ${day(of.nextAttemptAt)}` : "no further attempt is planned"}.`,
  not_chargeable: (of) => html`${invoiceName(of)} ${over(of)} cannot be charged to a card${of.paymentError && `: ${refusal(of.paymentError)}`}.`,
  voided: (of) => html`${invoiceName(of)} ${over(of)} was made void.`,
  uncollectible: (of) => html`${invoiceName(of)} ${over(of)} was given up as a bad debt.`,
  parked: (of) => html`The next step of ${of.number ? invoiceName(of) : link("/invoices", of.id, "a draft")} ${STOPPED}.`,
};

/** "549.99 USD for Invoice DEMO-000002". @param {Map<string, string>} numbers of invoices by their ids, as far as they are known */
export function charged(of, numbers = new Map()) {
  const sum = link("/payments", of.id, amount(of));
  if (of.invoiceId) return html`${sum} for ${invoiceName({ id: of.invoiceId, number: numbers.get(of.invoiceId) })}`;
  return of.orderId ? html`${sum} for ${link("/orders", of.orderId, "an order")}` : sum;
}

const payment = {
  succeeded: (of, { numbers }) => html`${charged(of, numbers)} came in.`,
  failed: (of, { numbers }) => html`A charge of ${charged(of, numbers)} failed: ${refusal(of.error)}.`,
  requires_action: (of, { numbers }) => html`A charge of ${charged(of, numbers)} waits for its payer to confirm it.`,
  parked: (of, { numbers }) => html`The outcome of a charge of ${charged(of, numbers)} could not be learned; nobody asks any more.`,
};

const refunded = (of) => html`A refund of ${link("/payments", of.paymentId, amount(of))}`;
const refund = {
  created: (of) => html`${refunded(of)} was begun${of.reason && `: “${of.reason}”`}.`,
  succeeded: (of) => html`${refunded(of)} is on its way to the payer.`,
  failed: (of) => html`${refunded(of)} failed: ${of.failureReason ? words(of.failureReason) : "no reason is known"}.`,
  parked: (of) => html`The outcome of ${link("/payments", of.paymentId, "a refund")} could not be learned; nobody asks any more.`,
};

const disputed = (of) => link("/disputes", of.id, `A dispute over ${amount(of)}`);
const dispute = {
  opened: (of) => html`${disputed(of)} was opened: ${words(of.reason)}.`,
  closed: (of) => html`${disputed(of)} was closed: ${words(of.status)}.`,
};

const creditNote = {
  created: (of) => html`${link("/credit-notes", of.id, `Credit note ${of.number}`)} ${over(of)} was issued for ${link("/invoices", of.invoiceId, `Invoice ${of.invoiceNumber}`)}${of.reason && `: “${words(of.reason)}”`}.`,
};

const orderName = (of) => link("/orders", of.id, `An order ${over(of)}`);
const order = {
  created: (of) => html`${orderName(of)} was made.`,
  paid: (of) => html`${orderName(of)} was paid.`,
  refunded: (of) => html`${orderName(of)} was refunded: ${money(of.amountRefunded, of.currency)} by now.`,
  expired: (of) => html`${orderName(of)} was not paid in time, or was canceled.`,
  parked: (of) => html`The next step of ${link("/orders", of.id, "an order")} ${STOPPED}.`,
};

const earning = {
  released: (of) => html`${amount(of)} that a provider earned with ${link("/orders", of.orderId, "an order")} can be paid out.`,
  parked: (of) => html`The release of what a provider earned with ${link("/orders", of.orderId, "an order")} ${STOPPED}.`,
};

const payoutName = (of) => link("/payouts", of.id, `A payout of ${amount(of)}`);
const payout = {
  created: (of) => html`${payoutName(of)} was begun.`,
  updated: (of) => html`${payoutName(of)} is on its way to the provider's bank.`,
  paid: (of) => html`${payoutName(of)} has arrived.`,
  failed: (of) => html`${payoutName(of)} failed: ${refusal(of.failureMessage && { message: of.failureMessage })}.`,
  canceled: (of) => html`${payoutName(of)} was canceled.`,
  parked: (of) => html`The next step of ${link("/payouts", of.id, "a payout")} ${STOPPED}.`,
};

const SENTENCES = {
  customer, subscription, invoice, payment, refund, dispute, order, earning, payout, credit_note: creditNote,
  coupon: { redeemed: (of) => html`${link("/coupons", of.couponId, "A coupon")} was redeemed.` },
  usage: { events_rejected: (of) => html`${of.events.length === 1 ? "An event" : `${of.events.length} events`} of usage could not be counted.` },
  provider_account: { updated: () => "What Stripe says of a provider's account has changed." },
};

const fields = (changed) => changed.map((name) => words(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`))).join(", ");

/**
 * What a type of event says of an object; what has no sentence of its own is told by its type and the id that it is about.
 * For timelines that are made of lists of objects, too: `says("invoice.finalized", invoice)`.
 * @param {string} type of the catalogue
 * @param {object} object as the API shows it
 * @param {{changed?: string[], numbers?: Map<string, string>, at?: string}} known
 *   numbers: of invoices by their ids, as far as they are known; at: when it happened
 */
export function says(type, object, { changed = [], numbers = new Map(), at = "" } = {}) {
  const [kind, what] = type.split(".");
  const made = SENTENCES[kind]?.[what];
  return made ? made(object, { changed, numbers, at }) : html`${words(type)}: <${Id} id=${object.id} />`;
}

/** An event as a sentence. */
export function sentence(event, numbers) {
  return says(event.type, event.data.object, { changed: event.data.changed, numbers, at: when(event) });
}

/** When an event happened: in the time of its test clock, where it has one. */
export const when = (event) => event.occurredAt ?? event.created;

/** The numbers of the invoices that these events are about. */
export function numbersIn(events) {
  return new Map(events.filter((each) => each.type.startsWith("invoice.") && each.data.object.number).map((each) => [each.data.object.id, each.data.object.number]));
}

/**
 * Those of some events that say what no other one says: a draft that is finalized in the same instant is told once, and
 * so are the two ends of a charge, of which the invoice's says more when it fails and the payment's when it succeeds.
 */
export function telling(events) {
  const told = new Set(events.map((each) => `${each.type} ${each.data.object.id} ${when(each)}`));
  const paid = new Set(events.filter((each) => each.type === "payment.succeeded").map((each) => `${each.data.object.invoiceId} ${when(each)}`));
  return events.filter((each) => {
    const { object } = each.data;
    if (each.type === "invoice.created") return !told.has(`invoice.finalized ${object.id} ${when(each)}`);
    if (each.type === "invoice.paid") return !paid.has(`${object.id} ${when(each)}`);
    return each.type !== "payment.failed" || !told.has(`invoice.payment_failed ${object.invoiceId} ${when(each)}`);
  });
}
