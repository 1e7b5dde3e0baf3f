/** Prices in words. */

import { html } from "../vendor/preact.js";
import { money } from "../lib/money.js";

/** "a month", "every 3 months". */
export function everyPeriod({ interval, intervalCount }) {
  return intervalCount === 1 ? `a ${interval}` : `every ${intervalCount} ${interval}s`;
}

/**
 * What a component costs, in a sentence.
 * @param {object} component of a plan
 * @param {string} currency
 */
function componentWords(component, currency) {
  const { key, type, model, tiers } = component;
  const what = type === "metered" ? `usage of ${component.meter} (${key})` : key;
  if (type === "flat") return `${key}: ${money(component.unitAmount, currency)}`;
  const extras = [
    component.freeUnits > 0 && `the first ${component.freeUnits} are free`,
    component.minimum && `at least ${money(component.minimum, currency)}`,
  ].filter(Boolean);
  const price = {
    per_unit: () => `${money(component.unitAmount, currency)} each`,
    package: () => `${money(component.unitAmount, currency)} for each ${component.packageSize}, begun ones too`,
    graduated: () => `each at the price of its step: ${tierWords(tiers, currency)}`,
    volume: () => `all at the price of their number: ${tierWords(tiers, currency)}`,
  }[model]();
  return `${what}: ${[price, ...extras].join("; ")}`;
}

function tierWords(tiers, currency) {
  return tiers.map((tier, index) => {
    const first = (tiers[index - 1]?.upTo ?? 0) + 1;
    const range = tier.upTo === null ? `${first} and more` : `${first} to ${tier.upTo}`;
    const flat = tier.flatAmount ? ` and ${money(tier.flatAmount, currency)} once` : "";
    return `${range} ${money(tier.unitAmount, currency)} each${flat}`;
  }).join(", ");
}

/** A plan's price, a component a line. @param {{plan: object}} props */
export function PriceWords({ plan }) {
  return html`<p>Each period is ${plan.intervalCount} ${plan.interval}${plan.intervalCount === 1 ? "" : "s"}; prices are ${plan.taxBehavior === "inclusive" ? "with" : "before"} tax.</p>
    <ul>${plan.components.map((each) => html`<li>${componentWords(each, plan.currency)}${each.type === "metered" ? ", billed after the period" : ""}</li>`)}</ul>`;
}

/** A plan's components alone, a line each. @param {{plan: object}} props */
export function Prices({ plan }) {
  return html`<ul class="plain">${plan.components.map((each) => html`<li>${componentWords(each, plan.currency)}</li>`)}</ul>`;
}

/** What a coupon takes off. */
export function discount(coupon) {
  const off = coupon.percentOff === null ? money(coupon.amountOff, coupon.currency) : `${coupon.percentOff} %`;
  const often = { once: "once", forever: "for ever", repeating: `for ${coupon.durationPeriods} periods` }[coupon.duration];
  return `${off} off ${often}`;
}
