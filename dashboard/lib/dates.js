/** Times for people: in the tenant's zone, and it is said. */

import { html } from "../vendor/preact.js";
import { me } from "./session.js";

const formats = new Map();

/** The tenant's zone, an IANA name. */
export function zone() {
  return me.value?.tenant?.timeZone ?? me.value?.tenant?.timezone ?? "UTC";
}

function format(kind, options) {
  const name = `${zone()} ${kind}`;
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat("en-GB", { timeZone: zone(), ...options }));
  return formats.get(name);
}

/** "30 Nov 2026, 14:05". */
export function instant(iso) {
  if (!iso) return "—";
  return format("instant", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).format(new Date(iso));
}

/** "30 Nov 2026". */
export function day(iso) {
  if (!iso) return "—";
  return format("day", { day: "numeric", month: "short", year: "numeric" }).format(new Date(iso));
}

/** "2026-11-30" in the tenant's zone: what an input of type date wants, and by what rows are grouped. */
export function isoDay(iso) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone(), year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date(iso));
}

/** "14:05". */
function timeOfDay(iso) {
  return format("time", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(iso));
}

/** Shown with the exact time and zone on hover. @param {{at: string|null, only?: "day"|"time"}} props time: under a heading that says the day */
export function Time({ at, only }) {
  if (!at) return html`<span class="quiet">—</span>`;
  return html`<time dateTime=${at} title=${`${instant(at)} ${zone()} · ${at}`}>${only === "day" ? day(at) : only === "time" ? timeOfDay(at) : instant(at)}</time>`;
}

/** "past_due" -> "past due". */
export const words = (text) => String(text ?? "").replaceAll("_", " ").replaceAll(".", " ");
