/** What an invoice says: lines, the table of taxes, totals. The same for one that is only previewed. */

import { html } from "../vendor/preact.js";
import { Time, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { Rows } from "./list.js";
import { Badge, Money } from "./parts.js";

/** Why an invoice was made. */
export const REASONS = {
  subscription_create: "a subscription began", subscription_cycle: "a subscription's period", subscription_update: "a subscription was changed",
  subscription_cancel: "a subscription ended", manual: "made by hand",
};

const TREATMENTS = { standard: "taxed", zero: "zero rate", exempt: "exempt", reverse_charge: "reverse charge: the buyer accounts for it" };

/** From when to when; nothing where there is no period. */
export function Span({ period }) {
  return period && html`<span><${Time} at=${period.start} only="day" /> to <${Time} at=${period.end} only="day" /></span>`;
}

/** The lines with how each amount came about. */
export function InvoiceLines({ invoice }) {
  const { currency, lines } = invoice;
  if (lines.length === 0) return html`<p class="quiet">No lines.</p>`;
  return html`<${Rows} rows=${lines.map((line, index) => ({ ...line, id: line.id || String(index) }))} caption="Lines"
    columns=${[
      { title: "Line", cell: (line) => html`<${Line} line=${line} currency=${currency} />` },
      { title: "Period", cell: (line) => html`<${Span} period=${line.period} />` },
      { title: "Quantity", number: true, cell: (line) => line.quantity ?? "" },
      { title: "Unit price", number: true, cell: (line) => (line.unitAmount === null ? "" : html`<${Money} of=${line.unitAmount} in=${currency} />`) },
      { title: `Amount${lines.some((line) => line.taxInclusive) ? ", tax included" : ""}`, number: true, cell: (line) => html`<${Money} of=${line.amount} in=${currency} />` },
    ]} />`;
}

function Line({ line, currency }) {
  const dimensions = Object.entries(line.dimensions).map(([name, value]) => `${name}: ${value}`).join(", ");
  return html`<span>${line.description} ${line.proration && html`<${Badge} state="for a part of the period" />`}
    ${dimensions && html`<br /><span class="quiet">${dimensions}</span>`}
    ${line.steps.length > 0 && html`<br /><span class="quiet">${line.steps.map((step, index) => html`${index > 0 && html`<br />`}${tier(step, currency)}`)}</span>`}
    ${line.discounts.map((each) => html`<br /><span class="quiet">Discount ${each.code ?? each.couponId}: ${money(-each.amount, currency)}</span>`)}
    ${line.taxes.map((each) => html`<br /><span class="quiet">${each.name} ${each.ratePercent} %${each.inclusive ? ", included" : ""}: ${money(each.amount, currency)}</span>`)}
  </span>`;
}

function tier(step, currency) {
  const flat = step.flatAmount ? ` + ${money(step.flatAmount, currency)}` : "";
  return `${step.quantity} × ${money(step.unitAmount, currency)}${flat} = ${money(step.amount, currency)}`;
}

/** The rows of the document's table of taxes. */
export function TaxTable({ invoice }) {
  const { currency, taxes, notes } = invoice;
  return html`${taxes.length === 0
    ? html`<p class="quiet">No tax on this invoice.</p>`
    : html`<${Rows} rows=${taxes.map((each, index) => ({ ...each, id: String(index) }))} caption="Taxes"
      columns=${[
        { title: "Tax", cell: (row) => row.name },
        { title: "Rate", number: true, cell: (row) => `${row.ratePercent} %` },
        { title: "Treatment", cell: (row) => `${TREATMENTS[row.treatment] ?? words(row.treatment)}${row.inclusive ? ", included in the prices" : ""}` },
        { title: "On (net)", number: true, cell: (row) => html`<${Money} of=${row.base} in=${currency} />` },
        { title: "Tax", number: true, cell: (row) => html`<${Money} of=${row.amount} in=${currency} />` },
      ]} />`}
    ${notes.map((note) => html`<p>On the document: ${note}</p>`)}`;
}

/** From the lines to what is due. Rows that are nothing are left out. */
export function Totals({ invoice }) {
  const { currency } = invoice;
  const rows = [
    ["Lines", invoice.subtotal, true],
    ["Discounts", -invoice.discount],
    ["Tax on top", invoice.tax - invoice.taxIncluded],
    ["Total", invoice.total, true],
    ["Tax in the prices", invoice.taxIncluded],
    ["Customer's balance", -invoice.balanceApplied],
    ["Credited off it", -invoice.amountCredited],
    ["Paid", -(invoice.amountPaid ?? 0)],
    ["Left for the next invoice", invoice.amountCarried],
    ["Due", invoice.amountDue, true],
    ["Refunded of what was paid", invoice.amountRefunded ?? 0],
  ].filter(([, value, always]) => always || value);
  return html`<table class="totals"><caption class="hidden">Totals</caption><tbody>${rows.map(([name, value]) => html`<tr>
    <th scope="row">${name}</th><td class="number"><${Money} of=${value} in=${currency} /></td></tr>`)}</tbody></table>`;
}

/** All of an invoice that does not exist yet. */
export function InvoicePreview({ invoice }) {
  return html`<h3>This is what it would say</h3><${InvoiceLines} invoice=${invoice} />
    ${invoice.taxes.length > 0 && html`<${TaxTable} invoice=${invoice} />`}<${Totals} invoice=${invoice} />`;
}
