/** The dialog that makes a subscription. */

import { every } from "../lib/api.js";
import { money } from "../lib/money.js";
import { href, navigate } from "../lib/router.js";
import { cardField, customerField } from "../ui/customer_field.js";
import { openDialog } from "../ui/dialog.js";
import { midnight } from "../ui/form.js";
import { announce } from "../ui/parts.js";
import { everyPeriod } from "../ui/prices.js";

const KEY = "quantity ";

/** The components of a plan that are sold by a number. */
export const licensed = (plan) => (plan?.components ?? []).filter((each) => each.type === "licensed");

/** A field for the quantity of each licensed component of some plans, shown with the plan that has it. */
export function quantityFields(plans, planOf = (values) => values.planId) {
  const keys = [...new Set(plans.flatMap((plan) => licensed(plan).map((each) => each.key)))];
  const holds = (key, values) => licensed(plans.find((plan) => plan.id === planOf(values))).some((each) => each.key === key);
  return keys.map((key) => ({ name: KEY + key, label: `Quantity of ${key}`, type: "number", required: true, when: (values) => holds(key, values) }));
}

/** The quantities among a dialog's values. */
export function quantitiesOf(fields, values) {
  const shown = fields.filter((each) => each.name.startsWith(KEY) && each.when(values));
  return Object.fromEntries(shown.map((each) => [each.name.slice(KEY.length), Number(values[each.name])]));
}

/** The first values of quantity fields. */
export const quantityValues = (quantities) => Object.fromEntries(Object.entries(quantities).map(([key, count]) => [KEY + key, count]));

/** A plan in a select: its name, what is its base, how often. */
export function planOption(plan) {
  const flat = plan.components.find((each) => each.type === "flat");
  return [plan.id, `${plan.name} (${plan.id}), ${flat ? `${money(flat.unitAmount, plan.currency)} ` : `${plan.currency} `}${everyPeriod(plan)}`];
}

/** The plans that can be sold now: the tenant's own, in a currency if one is given. */
export async function plansOnSale(currency = null) {
  const plans = await every("/v1/plans", { active: true });
  return plans.filter((plan) => currency === null || plan.currency === currency);
}

/**
 * Open the dialog; the plans are read first.
 * @param {object|null} customer of whom; null: it is searched for in the dialog
 */
export async function newSubscription(customer = null) {
  let plans;
  announce("The plans are being read");
  try {
    plans = await plansOnSale(customer?.currency);
    announce("");
  } catch (error) {
    announce(`The plans could not be read: ${error.message}`);
    return;
  }
  if (plans.length === 0) {
    announce(customer ? `No plan is sold in ${customer.currency}: make one under Plans.` : "There is no plan yet: make one under Plans.");
    return;
  }
  const customerOf = (values) => customer?.id ?? values.customerId;
  const quantities = quantityFields(plans);
  const fields = [
    ...(customer ? [] : [customerField()]),
    { name: "planId", label: "Plan", type: "select", required: true, options: [["", "Choose a plan"], ...plans.map(planOption)] },
    ...quantities,
    { name: "trialDays", label: "Trial in days", type: "number", hint: "Empty for the plan's own; 0 for none." },
    { name: "couponCode", label: "Coupon code" },
    cardField(customerOf),
    { name: "startDate", label: "Start on", type: "date", hint: "Empty for now." },
    { name: "externalId", label: "Your own id" },
  ];
  openDialog({
    title: customer ? `New subscription for ${customer.name}` : "New subscription", path: "/v1/subscriptions", fields, submit: "Start the subscription",
    text: "Without a trial the first period is billed and charged at once, and the subscription runs once that is paid.",
    initial: Object.fromEntries(quantities.map((each) => [each.name, 1])), said: "The subscription is there",
    body: (values) => bodyOf(values, quantities, customerOf(values)),
    done: (made) => navigate(href(`/subscriptions/${made.id}`)),
  });
}

function bodyOf(values, quantities, customerId) {
  const { planId, trialDays, couponCode, paymentMethodId, startDate, externalId } = values;
  return {
    customerId, planId, quantities: quantitiesOf(quantities, values),
    ...(trialDays !== "" && { trialDays: Number(trialDays) }),
    ...(couponCode && { couponCode }), ...(paymentMethodId && { paymentMethodId }),
    ...(startDate && { startDate: midnight(startDate) }), ...(externalId && { externalId }),
  };
}
