/** What can be done with a subscription. A change is shown before it is made, and what was shown is what is billed. */

import { html } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { instant, words } from "../lib/dates.js";
import { ChangeFigures, expected } from "../ui/change_figures.js";
import { openDialog } from "../ui/dialog.js";
import { previewed } from "../ui/figures.js";
import { midnight } from "../ui/form.js";
import { Action, announce } from "../ui/parts.js";
import { quantityWords } from "../ui/subscription_words.js";
import { planOption, plansOnSale, quantitiesOf, quantityFields, quantityValues } from "./subscription_new.js";

const SCOPE = "subscriptions:manage";

const BEHAVIORS = [
  ["create_prorations", "with the next invoice"], ["invoice_now", "now, by an invoice of its own"], ["none", "not at all: the new price begins with the next period"],
];

/** @param {{of: object, plan: object|null, customer: object|null, reload: () => void}} props */
export function SubscriptionActions({ of, plan, customer, reload }) {
  const path = `/v1/subscriptions/${of.id}`;
  const headers = { "If-Match": `"${of.version}"` };
  const ended = of.state === "canceled" ? "It has ended." : null;
  const unread = plan && customer ? null : "Its plan and customer are still being read.";
  const done = () => { reload(); };
  const common = { headers, done };
  return html`
    <${Action} scope=${SCOPE} primary unless=${ended ?? unbegun(of) ?? unread} onClick=${() => change(of, plan, customer, reload)}>Change plan or quantities<//>
    <${Action} scope=${SCOPE} unless=${ended ?? unbegun(of)} dialog=${() => couponDialog(of, path, common)}>Change discount<//>
    ${of.state === "paused"
      ? html`<${Action} scope=${SCOPE} dialog=${() => resumeDialog(of, path, common)}>Resume<//>`
      : html`<${Action} scope=${SCOPE} unless=${ended ?? unbegun(of) ?? (of.cancelAtPeriodEnd ? "It ends with its period." : null)} dialog=${() => pauseDialog(of, path, common)}>Pause<//>`}
    ${of.cancelAtPeriodEnd && of.state !== "canceled"
      ? html`<${Action} scope=${SCOPE} dialog=${() => keepDialog(of, path, common)}>Take back the cancellation<//>` : null}
    <${Action} scope=${SCOPE} danger unless=${ended} dialog=${() => cancelDialog(of, path, common)}>Cancel subscription<//>`;
}

const unbegun = (of) => (of.state === "incomplete" ? "Its first invoice is not paid: pay that, or cancel." : null);

/** The dialog that changes plan and quantities; the plans are read first. */
async function change(of, plan, customer, reload) {
  let plans;
  announce("The plans are being read");
  try {
    const sold = await plansOnSale(customer.currency);
    plans = [plan, ...sold.filter((each) => each.id !== plan.id)];
    announce("");
  } catch (error) {
    announce(`The plans could not be read: ${error.message}`);
    return;
  }
  const quantities = quantityFields(plans);
  const defaults = Object.fromEntries(quantities.map((each) => [each.name, 1]));
  const shown = { headers: {}, sent: {} };
  const bodyOf = (values) => ({
    ...(values.planId !== of.planId && { planId: values.planId }), quantities: quantitiesOf(quantities, values),
    prorationBehavior: values.prorationBehavior, ...shown.sent,
    ...(values.goesOn && { cancelAtPeriodEnd: false }),
  });
  const changesNothing = (values) => values.planId === of.planId
    && Object.entries(quantitiesOf(quantities, values)).every(([key, count]) => count === of.itemQuantities[key]);
  openDialog({
    title: "Change plan or quantities", method: "PATCH", path: `/v1/subscriptions/${of.id}`, wide: true, submit: "Change as shown", headers: shown.headers,
    said: "The subscription is changed", done: () => { reload(); }, body: bodyOf,
    text: "What is unused of the present price is given back, and the rest of the period is billed at the new one.",
    fields: [
      { name: "planId", label: "Plan", type: "select", required: true, options: plans.map((each) => (each === plan ? [plan.id, `${plan.name} (as it is now)`] : planOption(each))) },
      ...quantities,
      { name: "prorationBehavior", label: "Bill the difference", type: "select", required: true, options: BEHAVIORS },
      { name: "goesOn", label: "Do not end with the period any more", type: "checkbox", when: () => of.cancelAtPeriodEnd },
    ],
    check: (values) => (changesNothing(values) ? { planId: "Nothing is changed yet: choose another plan, or other quantities." } : {}),
    initial: { planId: of.planId, prorationBehavior: "create_prorations", ...defaults, ...quantityValues(of.itemQuantities) },
    preview: (values) => previewOf(of, plan, plans.find((each) => each.id === values.planId), shown, () => bodyOf(values)),
  });
}

/**
 * Ask what the change would bill, of the subscription as it is by now. The confirmation names the version, where the period
 * goes on the second, and then the sums that were shown, too: so it bills these, or is refused.
 */
async function previewOf(of, plan, wanted, shown, bodyOf) {
  const path = `/v1/subscriptions/${of.id}`;
  const read = await get(path);
  const before = read.data;
  shown.headers["If-Match"] = `"${before.version}"`;
  shown.sent = {};
  const samePeriods = wanted.interval === plan.interval && wanted.intervalCount === plan.intervalCount;
  const fixed = samePeriods && !before.testClockId && before.state !== "trialing" && bodyOf().prorationBehavior !== "none";
  if (fixed) shown.sent = { prorationDate: secondOf(read.meta.timestamp, before.currentPeriod.start) };
  const preview = await previewed(`${path}/preview`, bodyOf(), shown.headers);
  const stands = fixed || still(before, preview);
  shown.sent = { ...shown.sent, ...expected(preview, stands) };
  return html`
    ${before.version !== of.version && html`<p class="warn">The subscription changed since the page was loaded${since(of, before)}. This is what the change does now.</p>`}
    <${ChangeFigures} of=${preview} stands=${stands} />`;
}

/** Whether the sums stay as they are while time passes: on a test clock none does, and in a trial or about nothing it costs nothing. */
const still = (of, preview) => Boolean(of.testClockId) || of.state === "trialing" || preview.lines.length === 0;

/** What differs from what the page shows. */
function since(shown, now) {
  const facts = (of) => ({
    plan: of.planId, quantities: quantityWords(of.itemQuantities), state: words(of.state), "period until": instant(of.currentPeriod.end),
    discount: of.discount?.code ?? "none", "ends with its period": of.cancelAtPeriodEnd ? "yes" : "no",
  });
  const [was, is] = [facts(shown), facts(now)];
  const differing = Object.keys(is).filter((name) => is[name] !== was[name]).map((name) => `${name} ${was[name]}, now ${is[name]}`);
  return differing.length > 0 ? `: ${differing.join("; ")}` : "";
}

/** A whole second, but not before the period began. */
function secondOf(timestamp, start) {
  const second = `${timestamp.slice(0, 19)}Z`;
  return second > start ? second : start;
}

function couponDialog(of, path, common) {
  const shown = { sent: {} };
  const bodyOf = (values) => ({
    couponCode: values.couponCode.trim() || null, ...(values.couponApplies && { couponApplies: values.couponApplies }), ...shown.sent,
  });
  return {
    ...common, title: "Change discount", method: "PATCH", path, body: bodyOf, said: "The discount is changed", wide: true,
    text: of.discount ? `It has ${of.discount.code}. Another code replaces it; an empty one takes it away.` : "It has no discount.",
    fields: [
      { name: "couponCode", label: "Coupon code", hint: of.discount ? "Empty takes the discount away." : undefined, required: !of.discount },
      { name: "couponApplies", label: "From", type: "select", required: true, options: [["next_period", "the next period on"], ["now", "now on: the running period is billed anew"]] },
    ],
    preview: (values) => expectedPreview(of, path, shown, () => bodyOf(values), common.headers),
  };
}

function pauseDialog(of, path, common) {
  const shown = { sent: {} };
  const bodyOf = (values) => ({ paused: true, ...(values.resumesAt && { resumesAt: midnight(values.resumesAt) }), ...shown.sent });
  return {
    ...common, title: "Pause", method: "PATCH", path, body: bodyOf, said: "The subscription is paused", wide: true,
    text: "Nothing is billed while it is paused. What its plan says happens with the rest of the period: it is given back, or kept.",
    fields: [{ name: "resumesAt", label: "Resume on", type: "date", hint: "Empty: until somebody resumes it." }],
    preview: (values) => expectedPreview(of, path, shown, () => bodyOf(values), common.headers),
  };
}

function resumeDialog(of, path, common) {
  const shown = { sent: {} };
  const bodyOf = () => ({ paused: false, ...shown.sent });
  return {
    ...common, title: "Resume", method: "PATCH", path, body: bodyOf, said: "The subscription runs again", wide: true,
    text: "It runs from now on. Where the rest of its period was given back, a new one begins and is charged at once.",
    preview: () => expectedPreview(of, path, shown, bodyOf, common.headers),
  };
}

/** A preview, whose sums the confirmation names where they stand still. */
async function expectedPreview(of, path, shown, bodyOf, headers) {
  shown.sent = {};
  const preview = await previewed(`${path}/preview`, bodyOf(), headers);
  const stands = still(of, preview);
  shown.sent = expected(preview, stands);
  return html`<${ChangeFigures} of=${preview} stands=${stands} />`;
}

function keepDialog(of, path, common) {
  return {
    ...common, title: "Take back the cancellation", path: `${path}/resume`, body: null, said: "The subscription goes on",
    text: `It goes on, and renews ${instant(of.currentPeriod.end)}. Nothing is billed now.`,
  };
}

function cancelDialog(of, path, common) {
  const isOpen = of.state === "incomplete";
  const at = { name: "when", label: "When", type: "select", required: true, options: [["end", `with its period, ${instant(of.currentPeriod.end)}`], ["now", "now"]] };
  const back = {
    name: "givesBack", label: "Give the unused rest of the period back, to the balance", type: "checkbox", when: (values) => of.cancelAtPeriodEnd || values.when === "now",
  };
  return {
    ...common, title: "Cancel the subscription", path: `${path}/cancel`, danger: true, submit: "End the subscription", said: "The subscription is canceled",
    text: isOpen
      ? "It never began: its unpaid invoice is made void, and it ends. A new one can be made; this one does not come back."
      : "With its period: it runs until then and can be kept until then. Now: it ends at once, what was used is billed, and it does not come back.",
    fields: isOpen ? [] : [...(of.cancelAtPeriodEnd ? [] : [at]), back],
    initial: { when: of.cancelAtPeriodEnd ? "now" : "end" },
    body: (values) => (isOpen ? {} : {
      atPeriodEnd: !of.cancelAtPeriodEnd && values.when === "end", ...(values.givesBack && { prorationBehavior: "create_prorations" }),
    }),
  };
}
