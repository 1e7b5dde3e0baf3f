/** The lines and sums of an invoice that is not made yet. */

import { html } from "../vendor/preact.js";
import { call, newKey } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { useTask } from "../lib/task.js";
import { Facts, Loading, Money, Problem } from "./parts.js";

const PREVIEW = "/v1/invoices/preview";

/** Lines with their sums. @param {{of: object, caption: string}} props of: what a preview answers */
export function Figures({ of, caption }) {
  return html`
    ${of.lines.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
      <table><caption class="hidden">${caption}</caption>
        <thead><tr><th scope="col">What</th><th scope="col">For</th><th scope="col" class="number">Amount</th></tr></thead>
        <tbody>${of.lines.map((line) => html`<tr key=${line.id}>
          <th scope="row">${line.description}${line.quantity !== null && line.component && html` <span class="quiet">× ${line.quantity}</span>`}
            ${line.discounts.map((each) => html`<div class="quiet">${each.code}: <${Money} of=${-each.amount} in=${of.currency} /></div>`)}</th>
          <td>${line.period && html`<${Time} at=${line.period.start} only="day" /> to <${Time} at=${line.period.end} only="day" />`}</td>
          <td class="number"><${Money} of=${line.amount} in=${of.currency} /></td></tr>`)}</tbody>
      </table></div>`}
    <div class="sums"><${Facts} rows=${sums(of).map(([name, micros]) => [name, html`<${Money} of=${micros} in=${of.currency} />`])} /></div>
    ${of.notes.map((note) => html`<p class="quiet">${note}</p>`)}`;
}

function sums(of) {
  const said = [
    ["Subtotal", of.subtotal], ["Discount", -of.discount], ["Tax", of.tax], ["Total", of.total], [of.balanceApplied < 0 ? "To the balance" : "From the balance", of.balanceApplied < 0 ? -of.balanceApplied : of.balanceApplied],
    ["Carried to the next invoice", of.amountCarried], ["Taken off other unpaid invoices", of.amountCredited < 0 ? of.amountCredited : 0], ["To pay", of.amountDue],
  ];
  return said.filter(([name, micros]) => micros !== 0 || ["Total", "To pay"].includes(name));
}

/** What the API says of an invoice that would be made. */
export async function previewed(path, body, headers) {
  const { data } = await call("POST", path, { body, key: newKey(), headers });
  return data;
}

/** The next invoice of a subscription, as of now. @param {{subscriptionId: string, version: number, folded?: boolean}} props folded: its sum, and its lines on demand */
export function NextInvoice({ subscriptionId, version, folded = false }) {
  const next = useTask(() => previewed(PREVIEW, { subscriptionId }), [subscriptionId, version]);
  if (next.error?.status === 409) return html`<p class="quiet">No invoice will come: ${next.error.message}.</p>`;
  if (next.error) return html`<${Problem} error=${next.error} retry=${next.reload} />`;
  if (next.data === null) return html`<${Loading} />`;
  if (folded) {
    return html`<details><summary>Next invoice: <${Money} of=${next.data.amountDue} in=${next.data.currency} /></summary><${Upcoming} of=${next.data} /></details>`;
  }
  return html`<${Upcoming} of=${next.data} />`;
}

function Upcoming({ of }) {
  return html`<p>If nothing changes and nothing more is used until then${of.period
    ? html`, for <${Time} at=${of.period.start} only="day" /> to <${Time} at=${of.period.end} only="day" />` : ""}:</p>
    <${Figures} of=${of} caption="The next invoice" />`;
}
