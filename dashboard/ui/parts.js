/** The small parts that every page is made of. */

import { html, useId } from "../vendor/preact.js";
import { whyNot } from "../lib/access.js";
import { words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { openDialog } from "./dialog.js";
import { ApiCall, Problem } from "./told.js";

export * from "./told.js";

const TONES = {
  good: ["active", "paid", "succeeded", "ready", "enabled", "delivered", "won", "completed", "verified", "released", "done", "matched"],
  bad: ["past_due", "failed", "uncollectible", "parked", "disabled", "lost", "revoked", "rejected", "refused", "restricted"],
  wait: ["open", "pending", "processing", "requires_action", "requires_payment_method", "trialing", "incomplete", "advancing",
    "invited", "needs_response", "under_review", "running", "queued", "retrying", "in_transit"],
};

/** A state in words; its colour says the same again. */
export function Badge({ state, text }) {
  const tone = Object.keys(TONES).find((each) => TONES[each].includes(state)) ?? "plain";
  return html`<span class=${`badge ${tone}`}>${text ?? words(state)}</span>`;
}

/** An amount in micro-units with its currency. */
export function Money({ of: micros, in: currency }) {
  return html`<span class="money">${money(micros, currency)}</span>`;
}

/** While something is read. */
export function Loading() {
  return html`<p class="loading" role="status">Loading…</p>`;
}

/** Shows what `useApi` brought: loading, a problem with a way to try again, or the children. */
export function Loaded({ from, children }) {
  if (from.error) return html`<${Problem} error=${from.error} retry=${from.reload} />`;
  if (from.data === null) return html`<${Loading} />`;
  return typeof children === "function" ? children(from.data) : children;
}

/** Nothing is here yet: what to do next, and the call that does it. */
export function Empty({ title, children, curl }) {
  return html`<div class="empty">
    <p><strong>${title}</strong></p>
    ${children && html`<div>${children}</div>`}
    ${curl && html`<${ApiCall} text=${curl} open=${true} />`}
  </div>`;
}

/**
 * A button that begins an action; one that is not allowed stays in its place and says why.
 * @param {{scope?: string, unless?: string|null, dialog?: object|(() => object), onClick?: () => void, danger?: boolean}} props
 *   unless: why it makes no sense now ("The invoice is paid."); dialog: what `openDialog` takes
 */
export function Action({ scope, unless = null, dialog, onClick, danger = false, primary = false, children }) {
  const id = useId();
  const reason = whyNot(scope) ?? unless;
  const act = () => {
    if (!reason) (dialog ? openDialog(typeof dialog === "function" ? dialog() : dialog) : onClick?.());
  };
  const kind = `action${danger ? " danger" : ""}${primary ? " primary" : ""}`;
  return html`<span class="with-reason">
    <button type="button" class=${kind} aria-disabled=${reason ? "true" : undefined} aria-describedby=${reason ? id : undefined}
      onClick=${act}>${children}</button>
    ${reason && html`<span class="reason" role="tooltip" id=${id}>${reason}</span>`}
  </span>`;
}

/** A heading with the page's actions. The shell puts the focus here after a change of page. */
export function Heading({ title, badge, children }) {
  return html`<header class="page-head">
    <h1 tabindex="-1">${title}${badge && html` <${Badge} state=${badge} />`}</h1>
    ${children && html`<div class="actions">${children}</div>`}
  </header>`;
}

/** Names and values. @param {{rows: Array<[string, any]>}} props rows without a value are left out */
export function Facts({ rows }) {
  const kept = rows.filter((row) => row && row[1] !== undefined && row[1] !== null && row[1] !== "" && row[1] !== false);
  return html`<dl class="facts">${kept.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A part of a page. */
export function Section({ title, children, actions }) {
  return html`<section class="section"><div class="section-head"><h2>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</div>${children}</section>`;
}

/** A postal address, an item a line. */
export function Address({ address }) {
  if (!address) return html`<span class="quiet">—</span>`;
  const lines = [address.line1, address.line2, [address.postalCode, address.city].filter(Boolean).join(" "), address.state, address.country];
  return html`<span>${lines.filter(Boolean).map((line) => html`${line}<br />`)}</span>`;
}
