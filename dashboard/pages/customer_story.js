/** Everything that happened with a customer, in order: a sentence each, by day in the tenant's zone. */

import { html } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { day, isoDay, Time, words, zone } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href, path, query } from "../lib/router.js";
import { useTask } from "../lib/task.js";
import { Loaded, Section } from "../ui/parts.js";
import { quantityWords } from "../ui/subscription_words.js";
import { LongReport, movementsQuery, movementWords } from "./movements.js";

const NEWEST = 100;
const MOST_READS = 20; // of refunds and credit notes: each is a call
const REASONS = {
  subscription_create: "for a new subscription", subscription_cycle: "for a renewal", subscription_update: "for a change of a subscription",
  subscription_cancel: "for the end of a subscription", manual: "by hand",
};

const link = (place, id, text) => html`<a href=${href(`${place}/${id}`)}>${text}</a>`;

/** @param {{customer: object, subscriptions: object[]}} props */
export function Story({ customer, subscriptions }) {
  const changes = query.value.get("changes") === "yes";
  const story = useTask(() => read(customer, subscriptions, changes), [customer.id, customer.version, changes]);
  return html`<${Section} title="What happened">
    <p class="quiet">Newest first, by day in ${zone()}. ${changes
      ? html`<a href=${href(path.value)}>Leave the changes of subscriptions out</a>`
      : html`<a href=${href(path.value, { changes: "yes" })}>Show the changes of subscriptions, too</a>`}
      ${" · "}<a href=${href("/events", { objectId: customer.id })}>Events of the customer itself, of the last 30 days</a></p>
    <${Loaded} from=${story}>${({ entries, older, long }) => html`
      ${long && html`<${LongReport} />`}
      ${byDay(entries).map(([date, those]) => html`<h3>${date}</h3><ol class="timeline" key=${date}>${those.map((each) => html`<li><${Time} at=${each.at} only="time" /> ${each.says}</li>`)}</ol>`)}
      ${older && html`<p>These are the newest ${NEWEST} of each kind. Older ones are under <a href=${href(path.value, { tab: "invoices" })}>Invoices</a> and <a href=${href(path.value, { tab: "payments" })}>Payments</a>.</p>`}`}<//><//>`;
}

async function read(customer, subscriptions, changes) {
  const of = { customer: customer.id, limit: NEWEST };
  const [invoices, payments, disputes, moved] = await Promise.all([
    get("/v1/invoices", { ...of, view: "summary" }), get("/v1/payments", of), get("/v1/disputes", of), changes ? movements(customer) : null,
  ]);
  const [refunds, notes] = await Promise.all([
    readEach(payments.data.filter((payment) => payment.amountRefunded > 0), (payment) => `/v1/payments/${payment.id}/refunds`),
    readEach(invoices.data.filter((invoice) => invoice.amountCredited !== 0 || invoice.amountRefunded > 0), (invoice) => `/v1/invoices/${invoice.id}/credit-notes`),
  ]);
  const numbers = new Map(invoices.data.map((invoice) => [invoice.id, invoice.number]));
  const paid = new Set(payments.data.filter((payment) => payment.status === "succeeded").map((payment) => payment.invoiceId));
  const entries = [
    ...ofCustomer(customer), ...(moved?.rows ?? []).map((row) => ({ at: row.at, says: movementWords(row) })),
    ...(moved?.rows ? [] : subscriptions.flatMap(ofSubscription)),
    ...invoices.data.flatMap((invoice) => ofInvoice(invoice, paid)), ...payments.data.flatMap((payment) => ofPayment(payment, numbers)),
    ...refunds.map(ofRefund), ...notes.map(ofNote), ...disputes.data.flatMap(ofDispute),
  ];
  // What happened in the same second is in the order of its causes: a subscription, its invoice, the payment of that.
  const ordered = entries.map((entry, index) => ({ ...entry, index, second: Math.floor(Date.parse(entry.at) / 1000) }))
    .sort((one, other) => other.second - one.second || other.index - one.index);
  return { entries: ordered, older: [invoices, payments, disputes].some((page) => page.meta.pagination.has_more), long: Boolean(moved && !moved.rows) };
}

async function readEach(rows, pathOf) {
  const pages = await Promise.all(rows.slice(0, MOST_READS).map((row) => get(pathOf(row), { limit: 100 })));
  return pages.flatMap((page) => page.data);
}

async function movements(customer) {
  const now = customer.testClockId ? new Date((await get(`/v1/test-clocks/${customer.testClockId}`)).data.frozenTime) : new Date();
  return (await get("/v1/reports/mrr-movements", movementsQuery(customer, now))).data;
}

function byDay(entries) {
  const days = new Map();
  for (const entry of entries) {
    const date = isoDay(entry.at);
    if (!days.has(date)) days.set(date, [day(entry.at), []]);
    days.get(date)[1].push(entry);
  }
  return [...days.values()];
}

function ofCustomer(customer) {
  // A customer of a test clock is made at a real time, which is none of its clock.
  const made = customer.testClockId ? [] : [{ at: customer.createdAt, says: "The customer was made." }];
  return [...made, ...(customer.deletedAt ? [{ at: customer.deletedAt, says: "The customer was erased." }] : [])];
}

function ofSubscription(of) {
  const name = link("/subscriptions", of.id, `The subscription to ${of.planId}`);
  const quantities = quantityWords(of.itemQuantities);
  return [
    { at: of.createdAt, says: html`${name} ${of.billedUntil ? "was imported" : of.trialEnd ? "began its trial" : "began"}${quantities && ` (now ${quantities})`}.` },
    of.pausedAt && { at: of.pausedAt, says: html`${name} was paused${of.pausedBy === "dunning" ? ": its charges failed too often" : ""}.` },
    of.canceledAt && { at: of.canceledAt, says: html`${name} ended.` },
  ].filter(Boolean);
}

function ofInvoice(of, paid) {
  const name = link("/invoices", of.id, of.number ? `Invoice ${of.number}` : "A draft");
  const sum = money(of.total, of.currency);
  const state = ["void", "uncollectible", "open"].includes(of.status) ? ` It is ${of.status === "void" ? "void" : of.status} now.` : "";
  const why = REASONS[of.billingReason] ?? `(${words(of.billingReason)})`;
  const says = of.total < 0
    ? html`${name} gave ${money(-of.total, of.currency)} back, ${why}.`
    : html`${name} of ${sum} was ${of.finalizedAt ? "issued" : "made"} ${why}.${state}`;
  const entries = [{ at: of.finalizedAt ?? of.createdAt, says }];
  if (of.paidAt && of.total >= 0 && !paid.has(of.id)) entries.push({ at: of.paidAt, says: html`${name} was settled without a charge.` });
  return entries;
}

function ofPayment(of, numbers) {
  const sum = link("/payments", of.id, money(of.amount, of.currency));
  const what = of.invoiceId ? html` for ${link("/invoices", of.invoiceId, numbers.get(of.invoiceId) ?? "an invoice")}` : of.orderId ? html` for ${link("/orders", of.orderId, "an order")}` : "";
  const says = {
    succeeded: html`${sum} came in${what}.`, failed: html`A charge of ${sum}${what} failed: ${of.error?.message ?? "no reason is known."}`,
    requires_action: html`A charge of ${sum}${what} waits for its payer to confirm it.`, canceled: html`A charge of ${sum}${what} was canceled.`,
  }[of.status] ?? html`A charge of ${sum}${what} is ${words(of.status)}.`;
  return [{ at: of.settledAt ?? of.createdAt, says }];
}

function ofRefund(of) {
  const state = of.status === "succeeded" ? "was given back" : of.status === "failed" ? `could not be given back: ${of.failureReason ?? "no reason is known"}` : `is being given back (${words(of.status)})`;
  return { at: of.createdAt, says: html`${link("/payments", of.paymentId, money(of.amount, of.currency))} ${state}${of.reason ? `: “${of.reason}”` : ""}.` };
}

function ofNote(of) {
  return { at: of.createdAt, says: html`${link("/credit-notes", of.id, `Credit note ${of.number}`)} of ${money(of.total, of.currency)} was issued for ${link("/invoices", of.invoiceId, of.invoiceNumber)}${of.reason ? `: “${of.reason}”` : ""}.` };
}

function ofDispute(of) {
  const name = link("/disputes", of.id, `A dispute over ${money(of.amount, of.currency)}`);
  const closed = of.closedAt ? [{ at: of.closedAt, says: html`${name} was closed: ${words(of.status)}.` }] : [];
  return [{ at: of.createdAt, says: html`${name} was opened (${words(of.reason)}). ${of.closedAt ? "" : `It is ${words(of.status)}.`}` }, ...closed];
}
