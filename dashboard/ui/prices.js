/** Prices in words. */

import { html } from "../vendor/preact.js";
import { decimal, money } from "../lib/money.js";

const EVERY = { day: "a day", week: "a week", month: "a month", year: "a year" };

/** "a month", "every 3 months". */
export function interval(plan) {
  return plan.intervalCount === 1 ? EVERY[plan.interval] : `every ${plan.intervalCount} ${plan.interval}s`;
}

const amount = (micros, currency) => `${decimal(micros, currency, { group: true })} ${currency}`;

/** A component's price as a sentence, without its interval. */
export function price(component, currency) {
  const { type, model, unitAmount, tiers, packageSize, freeUnits, minimum } = component;
  const free = freeUnits ? `, the first ${freeUnits} free` : "";
  const least = minimum ? `, at least ${amount(minimum, currency)}` : "";
  const unit = type === "metered" ? `${component.meter} used` : "unit";
  if (type === "flat") return amount(unitAmount, currency);
  if (model === "package") return `${amount(unitAmount, currency)} for each ${packageSize} ${type === "metered" ? component.meter : "units"} begun${free}${least}`;
  if (tiers?.length > 0) return `${model}: ${tiers.map((tier, index) => step(tier, tiers[index - 1], currency)).join("; ")}${free}${least}`;
  return `${amount(unitAmount, currency)} each ${unit}${free}${least}`;
}

function step(tier, before, currency) {
  const from = before ? Number(before.upTo) + 1 : 1;
  const range = tier.upTo === null ? `from ${from}` : `${from} to ${tier.upTo}`;
  const parts = [tier.unitAmount !== null && tier.unitAmount !== undefined && `${amount(tier.unitAmount, currency)} each`, tier.flatAmount && `${amount(tier.flatAmount, currency)} once`];
  return `${range}: ${parts.filter(Boolean).join(" and ")}`;
}

/** A plan's components, a line each. */
export function Prices({ plan }) {
  return html`<ul class="plain">${plan.components.map((each) => html`<li><strong>${each.key}</strong> ${price(each, plan.currency)} ${interval(plan)}</li>`)}</ul>`;
}

/** What a coupon takes off. */
export function discount(coupon) {
  const off = coupon.percentOff === null ? money(coupon.amountOff, coupon.currency) : `${coupon.percentOff} %`;
  const often = { once: "once", forever: "for ever", repeating: `for ${coupon.durationPeriods} periods` }[coupon.duration];
  return `${off} off ${often}`;
}
