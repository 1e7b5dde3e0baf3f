/** A credit note on an invoice: an amount or lines, with what it does shown before it is done. */

import { html } from "../vendor/preact.js";
import { call, newKey } from "../lib/api.js";
import { money } from "../lib/money.js";
import { href, navigate } from "../lib/router.js";
import { micros } from "./form.js";
import { Facts } from "./parts.js";

const MOST_LINES = 100; // more are no dialog any more; the API takes 1,000

/** The dialog; `reload` reads the page anew. */
export function creditDialog(invoice, reload) {
  const { currency } = invoice;
  const path = `/v1/invoices/${invoice.id}/credit-notes`;
  const lines = invoice.lines.filter((line) => line.amount > 0).slice(0, MOST_LINES);
  const byLine = (values) => values.by === "lines";
  const fields = [
    { name: "by", label: "What to credit", type: "select", required: true, options: [["amount", "An amount, from all lines alike"], ["lines", "Lines"]] },
    { name: "amount", label: "Amount, with tax", type: "money", currency, required: true, when: (values) => !byLine(values) },
    ...lines.flatMap((line) => [
      { name: `line ${line.id}`, label: `${line.description}, ${money(line.amount, currency)}`, type: "checkbox", when: byLine },
      { name: `part ${line.id}`, label: "of it, with tax", type: "money", currency, hint: "Empty: all that is left of the line.", when: (values) => byLine(values) && values[`line ${line.id}`] },
    ]),
    { name: "reason", label: "Reason", hint: "Printed on the credit note." },
    { name: "refund", label: "Refund to the card what is not due any more", type: "checkbox", hint: "Else it goes to the customer's balance, and pays the next invoices." },
  ];
  const body = (values) => ({
    ...(byLine(values) ? { lines: chosen(lines, values, currency) } : { amount: micros(values.amount, currency) }),
    ...(values.reason.trim() && { reason: values.reason.trim() }),
    refund: values.refund,
  });
  return {
    title: `Credit ${invoice.number}`, path, fields, body, submit: "Issue the credit note", wide: true, danger: true, changed: reload,
    initial: { amount: Math.max(0, invoice.amountDue) || undefined }, said: "The credit note is issued",
    check: (values) => (byLine(values) && chosen(lines, values, currency).length === 0 ? { by: "Choose a line." } : {}),
    preview: async (values) => {
      const { data } = await call("POST", `${path}/preview`, { body: body(values), key: newKey() });
      return html`<${WhatItDoes} credit=${data} invoice=${invoice} />`;
    },
    done: (note) => navigate(href(`/credit-notes/${note.id}`)),
  };
}

function chosen(lines, values, currency) {
  return lines.filter((line) => values[`line ${line.id}`]).map((line) => {
    const part = micros(values[`part ${line.id}`] ?? "", currency);
    return { lineId: line.id, ...(part !== undefined && { amount: part }) };
  });
}

function WhatItDoes({ credit, invoice }) {
  const { currency } = credit;
  const amount = (value) => (value ? money(value, currency) : null);
  return html`<h3>This is what it does</h3><${Facts} rows=${[
    ["Credited", money(credit.total, currency)],
    ["of it tax", amount(credit.tax)],
    [`Off what ${invoice.number} asks for`, amount(credit.toInvoice)],
    ["To the customer's balance", amount(credit.toBalance)],
    ["Back to the card", amount(credit.toRefund)],
    ["Due after it", money(invoice.amountDue - credit.toInvoice, currency)],
  ]} /><p>A credit note cannot be taken back.</p>`;
}

