/** Subscriptions in words. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { Badge } from "./parts.js";

/** "seats 12, base 1"; nothing for a plan without quantities. */
export function quantityWords(quantities) {
  return Object.entries(quantities).map(([key, count]) => `${key} ${count}`).join(", ");
}

/** What is off, and for how long. */
export function discountWords(discount) {
  if (!discount) return null;
  const off = discount.percentOff ? `${discount.percentOff} %` : money(discount.amountOff, discount.currency);
  const left = discount.periods === null ? "for ever" : `${discount.periods - discount.periodsUsed} of ${discount.periods} periods left`;
  return `${discount.code}: ${off} off, ${left}`;
}

/**
 * Why a subscription is where it is, and what comes next.
 * @param {{subscription: object, invoices?: object[]}} props invoices: its open ones, as far as they are known
 */
export function Why({ subscription: of, invoices = [] }) {
  const says = [stateWords(of, invoices)];
  if (of.cancelAtPeriodEnd && of.state !== "canceled") says.push(html`It ends <${Time} at=${of.currentPeriod.end} />, with its period.`);
  if (of.billedUntil) says.push(html`It was imported: everything before <${Time} at=${of.billedUntil} /> was billed elsewhere.`);
  if (of.pendingLineCount > 0) {
    says.push(html`${of.pendingLineCount} ${of.pendingLineCount === 1 ? "line waits" : "lines wait"} for the next invoice.`);
  }
  return html`<span>${says.filter(Boolean).map((each) => html`${each} `)}</span>`;
}

function stateWords(of, invoices) {
  switch (of.state) {
    case "trialing":
      return html`The trial ends <${Time} at=${of.trialEnd} />; then the first period is billed.`;
    case "past_due":
      return html`A charge failed. ${unpaidWords(of, invoices)}`;
    case "incomplete":
      return html`${of.latestInvoiceId ? html`<a href=${href(`/invoices/${of.latestInvoiceId}`)}>The first invoice</a>` : "The first invoice"} is not paid. If it is not by <${Time} at=${of.incompleteUntil} />, the subscription is given up.`;
    case "paused":
      return html`${pausedWords(of)} since <${Time} at=${of.pausedAt} />${"; "}${of.resumesAt ? html`resumes <${Time} at=${of.resumesAt} />.` : "until somebody resumes it."}`;
    case "canceled":
      return html`Ended <${Time} at=${of.canceledAt} />.`;
    default:
      return of.cancelAtPeriodEnd ? null : html`Renews <${Time} at=${of.currentPeriod.end} />.`;
  }
}

function pausedWords({ pausedBy }) {
  return { dunning: "Paused because its charges failed too often", start: "Has not begun yet: waiting" }[pausedBy] ?? "Paused on request";
}

function unpaidWords(of, invoices) {
  const unpaid = invoices.filter((each) => each.subscriptionId === of.id && each.status === "open");
  if (unpaid.length === 0) return "An invoice is unpaid.";
  return unpaid.map((each) => {
    const next = each.nextAttemptAt ? html`it is tried again <${Time} at=${each.nextAttemptAt} />.` : "nothing tries it again by itself.";
    return html`<a href=${href(`/invoices/${each.id}`)}>${each.number ?? "An invoice"}</a>${` is unpaid (${money(each.amountDue, each.currency)}); `}${next} `;
  });
}

/** The state, and what is to come, as badges. */
export function StateBadges({ subscription: of }) {
  return html`<${Badge} state=${of.state} />${of.cancelAtPeriodEnd && of.state !== "canceled" && html` <${Badge} state="ends with its period" />`}
    ${of.testClockId && html` <${Badge} state="test clock" />`}`;
}
