/** What a change of a subscription bills now, and what its next invoice will be. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { Figures } from "./figures.js";
import { Money } from "./parts.js";

/** @param {{of: object, stands: boolean}} props of: what POST /v1/subscriptions/{id}/preview answers; stands: the sums do not change by the second */
export function ChangeFigures({ of, stands }) {
  const next = of.nextInvoice;
  const waits = !of.atOnce && of.lines.length > 0;
  return html`
    <p><strong>Now: <${Money} of=${of.atOnce ? of.amountDue : 0} in=${of.currency} /></strong>${now(of)}</p>
    <p><strong>Next: ${next ? html`<${Money} of=${next.amountDue} in=${next.currency} />` : "no invoice will come"}</strong>${next
      && html`, <${Time} at=${next.at} />, if nothing changes and nothing more is used until then.`}${!next && "."}</p>
    ${of.lines.length > 0 && html`<h3>${waits ? "What the change adds to the next invoice" : "The invoice that is made now"}</h3>
      <${Figures} of=${of} caption="What the change bills" />`}
    ${next && html`<details><summary>The next invoice, line by line</summary><${Figures} of=${next} caption="The next invoice" /></details>`}
    <p class="quiet">${stands
      ? "Confirming bills these sums, or is refused because another would be billed by then; a new preview shows it."
      : "This is by the second: what is billed differs by what the seconds until you confirm are worth."}</p>`;
}

function now(of) {
  if (of.lines.length === 0) return ". Nothing is billed for the running period.";
  if (!of.atOnce) return ". What the change bills waits for the next invoice, and is in its sum.";
  return of.total < 0 ? html`. Given back: <${Money} of=${-of.total} in=${of.currency} />.` : ".";
}

/**
 * What a confirmation sends of a preview: the change bills these sums, or nothing is done (412). Sums that change by the
 * second are not sent: of a large plan the next cent is seconds away, and every confirmation would be refused.
 */
export function expected(preview, stands) {
  return stands ? { expectedTotal: preview.total, expectedAmountDue: preview.amountDue } : {};
}
