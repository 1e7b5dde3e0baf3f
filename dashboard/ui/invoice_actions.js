/** What can be done with an invoice, each with the reason where it cannot be. */

import { html, useState } from "../vendor/preact.js";
import { every } from "../lib/api.js";
import { money } from "../lib/money.js";
import { creditDialog } from "./credit.js";
import { notPaidYet } from "./declines.js";
import { openDialog } from "./dialog.js";
import { LINE_FIELDS, lineBody } from "./new_invoice.js";
import { Action, Copy, Problem } from "./parts.js";
import { refundDialog, refundable } from "./refund.js";

const DEFAULT = "default"; // no id of a card

/** @param {{invoice: object, payments: object[]|null, payLink: string|null, reload: () => void}} props reload: reads all of the page anew */
export function InvoiceActions({ invoice, payments, payLink, reload }) {
  const { id, status } = invoice;
  const name = invoice.number ?? "the draft";
  const path = `/v1/invoices/${id}`;
  const draft = status === "draft";
  const ifMatch = { "If-Match": `"${invoice.version}"` };
  const common = { headers: ifMatch, changed: reload };
  const payment = payments?.find((each) => refundable(each) > 0);
  return html`
    <${Pay} invoice=${invoice} path=${path} reload=${reload} />
    <${Action} scope="billing:write" primary=${draft} unless=${draft ? null : "Only a draft is finalized; this one is already."}
      dialog=${() => ({ ...common, title: `Finalize ${name}`, submit: "Finalize", path: `${path}/finalize`, body: null, said: "The invoice is finalized", text: finalizeText(invoice) })}>Finalize<//>
    <${Action} scope="billing:admin" unless=${notCreditable(status)} dialog=${() => creditDialog(invoice, reload)}>Credit<//>
    <${Action} scope="payments:process" unless=${payment ? null : "No payment of it has money left to refund."}
      dialog=${() => refundDialog(payment, reload)}>Refund<//>
    <${Action} scope="billing:write" unless=${draft ? null : "Finalized: nothing of it changes any more. A credit note corrects it."}
      dialog=${() => ({ ...common, ...editDialog(invoice), path })}>Edit<//>
    <${Action} scope="billing:write" unless=${draft ? null : "Finalized: no lines are added any more."}
      dialog=${() => ({ ...common, title: "Add a line", method: "PATCH", path, fields: LINE_FIELDS(invoice.currency), initial: { quantity: "1" }, said: "The line is there",
        body: (values) => ({ addLines: [lineBody(values, invoice.currency)] }) })}>Add a line<//>
    <${Action} scope="billing:admin" danger unless=${status === "open" ? null : "Only an open invoice can be given up."}
      dialog=${() => ({ ...common, title: `Mark ${name} uncollectible`, submit: "Mark uncollectible", path: `${path}/uncollectible`, body: null, danger: true, said: "The invoice is given up",
        text: `${money(invoice.amountDue, invoice.currency)} becomes bad debt in the books, and no card is tried any more. It can still be paid.` })}>Mark uncollectible<//>
    <${Action} scope="billing:admin" danger unless=${notVoidable(invoice)}
      dialog=${() => ({ ...common, title: `Void ${name}`, submit: "Void", path: `${path}/void`, body: null, danger: true, said: "The invoice is void",
        text: `Nobody has to pay ${name} any more${draft ? "" : `: ${money(invoice.amountDue, invoice.currency)} is taken back in the books`}. This cannot be undone.` })}>Void<//>
    ${payLink && html`<span><a href=${payLink} target="_blank" rel="noreferrer">Pay page</a><${Copy} text=${payLink} what="the pay link" /></span>`}`;
}

/** The customer's cards are read when somebody wants to pay, not before. */
function Pay({ invoice, path, reload }) {
  const [status, setStatus] = useState({ busy: false, error: null });
  const payable = ["open", "uncollectible"].includes(invoice.status) && invoice.amountDue > 0;
  const unless = !payable ? notPayable(invoice) : status.busy ? "The cards are being read." : null;
  const open = async () => {
    setStatus({ busy: true, error: null });
    try {
      const methods = await every("/v1/payment-methods", { customer: invoice.customerId });
      openDialog(payDialog(invoice, path, methods.filter((each) => !each.detachedAt), reload));
      setStatus({ busy: false, error: null });
    } catch (error) {
      setStatus({ busy: false, error });
    }
  };
  return html`<${Action} scope="payments:process" primary unless=${unless} onClick=${open}>Pay<//><${Problem} error=${status.error} />`;
}

function payDialog(invoice, path, methods, reload) {
  const amount = money(invoice.amountDue, invoice.currency);
  const card = (each) => (each.card ? `${each.card.brand} •••• ${each.card.last4}, ${String(each.card.expMonth).padStart(2, "0")}/${each.card.expYear}` : each.type);
  return {
    title: `Pay ${invoice.number}`, path: `${path}/pay`, submit: `Charge ${amount}`, said: "The invoice is paid", changed: reload,
    text: methods.length > 0
      ? `${amount} is taken from the card now, without the payer.`
      : "The customer has no saved card, so this will be refused: the payer has to pay in a form, or save a card.",
    fields: [{ name: "paymentMethodId", label: "Card", type: "select", required: true, options: [[DEFAULT, "The subscription's, or the customer's default"], ...methods.map((each) => [each.id, card(each)])] }],
    body: ({ paymentMethodId }) => (paymentMethodId === DEFAULT ? {} : { paymentMethodId }),
    done: (paid) => notPaidYet(paid) && html`<p class="warn">It is ${notPaidYet(paid)}</p>`,
  };
}

function editDialog(invoice) {
  const fields = [
    { name: "poNumber", label: "Purchase order number", hint: "Empty: the customer's own." },
    { name: "netTermsDays", label: "Days to pay", type: "number", hint: "Empty: the customer's own. Where a card is charged it is due at once." },
    { name: "customFields", label: "Own fields", type: "json", hint: "A list of {\"name\": …, \"value\": …}, printed on the document." },
    { name: "metadata", label: "Metadata", type: "json", hint: "Names and values of yours; never printed." },
  ];
  const before = { poNumber: invoice.poNumber, netTermsDays: invoice.netTermsDays, customFields: invoice.customFields, metadata: invoice.metadata };
  const read = {
    poNumber: (text) => text.trim() || null, netTermsDays: (text) => (text.trim() === "" ? null : Number(text)),
    customFields: (text) => parsed(text), metadata: (text) => parsed(text) ?? {},
  };
  return {
    title: "Edit the draft", method: "PATCH", fields, initial: before, submit: "Save", said: "The draft is changed",
    // Only what was changed: to say again what came from the customer would make it the invoice's own.
    body: (values) => Object.fromEntries(fields.map(({ name }) => [name, read[name](values[name])])
      .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]))),
  };
}

function parsed(text) {
  try {
    return text.trim() === "" ? null : JSON.parse(text);
  } catch {
    return null; // the field says so before anything is sent
  }
}

function finalizeText(invoice) {
  const { currency } = invoice;
  const charged = invoice.autoCharge ? " and charges the card that the customer has" : ", to be paid by the customer";
  return html`<p>Gives it its number, asks for ${money(invoice.amountDue, currency)}${charged}. Its lines never change after that.</p>`;
}

function notCreditable(status) {
  return { draft: "A draft is changed, not credited.", void: "A void invoice asks for nothing." }[status] ?? null;
}

function notVoidable({ status }) {
  return { paid: "It is paid: a credit note takes it back.", void: "It is void already.", uncollectible: "It was given up." }[status] ?? null;
}

function notPayable({ status }) {
  return { draft: "A draft is finalized first.", paid: "It is paid.", void: "It is void." }[status] ?? "Nothing is due.";
}

/** Where a payer pays this invoice, by the tenant's own template; null where there is none. */
export function payLinkOf(template, invoice) {
  if (!template || invoice.status !== "open" || invoice.amountDue <= 0 || !invoice.number) return null;
  const link = template.replace("{invoiceId}", encodeURIComponent(invoice.id)).replace("{number}", encodeURIComponent(invoice.number));
  return link.startsWith("https://") ? link : null;
}
