/** What changed in a customer's subscriptions, out of the report of MRR movements: it keeps each change for ever. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { isoDay, Time } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { Empty, Loaded } from "../ui/parts.js";

const PATH = "/v1/reports/mrr-movements";
const DAY_MS = 86_400_000;
const MOST_MS = 9.9 * 365 * DAY_MS; // a report is about ten years at most

const CAUSES = {
  opening: "was there when the record began", started: "started", trial_started: "began its trial", trial_converted: "came out of its trial, paid",
  trial_not_converted: "came out of its trial, unpaid", currency: "changed its currency", plan: "changed to another plan",
  changed: "has other quantities, or another lasting discount", discount: "had a discount begin or end", paused: "was paused", resumed: "was resumed",
  past_due: "is past due: a charge failed", recovered: "was paid after all", cancellation_scheduled: "was set to end with its period",
  cancellation_withdrawn: "was kept: it does not end any more", ended_voluntarily: "was canceled", ended_involuntarily: "ended because nobody paid",
};

/**
 * How the movements of a customer are asked for.
 * @param {object} customer
 * @param {Date} until the present, of its test clock where it is on one
 */
export function movementsQuery(customer, until = new Date()) {
  // A test clock's time began before or after the wall clock's at which the customer was made.
  const earliest = until.getTime() - MOST_MS;
  const begin = customer.testClockId ? earliest : Math.max(Date.parse(customer.createdAt) - DAY_MS, earliest);
  return {
    customer: customer.id, testClock: customer.testClockId, to: isoDay(new Date(until.getTime() + DAY_MS)),
    from: isoDay(new Date(Math.min(begin, until.getTime() - DAY_MS))),
  };
}

/** A movement as a sentence. */
export function movementWords(row) {
  const link = html`<a href=${href(`/subscriptions/${row.subscriptionId}`)}>The subscription to ${row.planId}</a>`;
  const moved = row.amount === 0 ? "" : ` MRR ${row.amount > 0 ? "+" : ""}${money(row.amount, row.currency)}, now ${money(row.subscriptionMrr, row.currency)}.`;
  return html`${link} ${CAUSES[row.cause] ?? row.cause}.${moved}`;
}

/** The present of a customer, which its test clock says where it is on one. */
export function useNow(customer) {
  const clock = useApi(customer.testClockId ? `/v1/test-clocks/${customer.testClockId}` : null);
  return { clock, now: customer.testClockId ? clock.data && new Date(clock.data.frozenTime) : new Date() };
}

/** The history of one subscription. @param {{customer: object, subscriptionId: string}} props */
export function Movements({ customer, subscriptionId }) {
  const { now, clock } = useNow(customer);
  const report = useApi(now ? PATH : null, now ? movementsQuery(customer, now) : {});
  if (clock.error) return html`<${Loaded} from=${clock} />`;
  return html`<${Loaded} from=${report}>${(data) => html`<${History} data=${data} subscriptionId=${subscriptionId} />`}<//>
    <p><a href=${href("/events", { objectId: subscriptionId })}>Its events of the last 30 days</a></p>`;
}

function History({ data, subscriptionId }) {
  if (!data.rows) return html`<${LongReport} />`;
  const rows = data.rows.filter((row) => row.subscriptionId === subscriptionId).reverse();
  if (rows.length === 0) return html`<${Empty} title="Nothing is recorded yet.">A change of its state, plan, quantities or discount is, at once.<//>`;
  return html`<p class="quiet">What changed what it counts for, as of <${Time} at=${data.asOf} />, newest first.</p>
    <ol class="timeline">${rows.map((row) => html`<li><${Time} at=${row.at} /> ${movementWords(row)}</li>`)}</ol>`;
}

/** The report is too long to be answered at once. */
export function LongReport() {
  return html`<p>There is too much to be read at once: <a href=${href("/reports/mrr-movements")}>have the report of MRR movements made</a>.</p>`;
}
