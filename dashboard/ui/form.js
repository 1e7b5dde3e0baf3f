/** Fields of forms. */

import { html, useId } from "../vendor/preact.js";
import { isoDay, zone } from "../lib/dates.js";
import { decimal, parse } from "../lib/money.js";

/**
 * @typedef {object} FieldSpec
 * @property {string} name as the body has it
 * @property {string} label
 * @property {"text"|"email"|"password"|"number"|"money"|"date"|"select"|"checkbox"|"textarea"|"json"|"url"} [type]
 * @property {boolean} [required]
 * @property {string} [hint]
 * @property {Array<[string, string]>} [options] of a select: value and text
 * @property {string | ((values: object) => string)} [currency] of money: values are micro-units
 * @property {number} [finer] of money: digits finer than the minor unit (prices of parts of a cent)
 * @property {(values: object) => boolean} [when] shown only then
 * @property {string} [autocomplete]
 * @property {(props: {shared: object, value: any, values: object, onChange: (value) => void}) => any} [input] one of its own
 */

/** The first values: what is given, as the field shows it. */
export function filled(fields, initial = {}) {
  return Object.fromEntries(fields.map((each) => [each.name, shownAs(each, initial[each.name], initial)]));
}

function shownAs(field, value, values) {
  if (field.type === "checkbox") return Boolean(value);
  if (field.type === "select") return value ?? field.options?.[0]?.[0] ?? "";
  if (value === undefined || value === null) return "";
  if (field.type === "money" && typeof value === "number") return decimal(value, currencyOf(field, values));
  if (field.type === "date" && String(value).length > 10) return isoDay(value);
  if (field.type === "json" && typeof value === "object") return JSON.stringify(value, null, 2);
  return String(value);
}

function currencyOf(field, values) {
  return typeof field.currency === "function" ? field.currency(values) : field.currency ?? "USD";
}

/** An amount that was typed, in micro-units; for `body` of an action. */
export const micros = (text, currency, finer = 0) => (text === "" ? undefined : parse(text, currency, { finer }));

/** What is wrong with the values, by name. */
export function wrong(fields, values) {
  const found = {};
  for (const field of fields) {
    if (field.when && !field.when(values)) continue;
    const value = values[field.name];
    const reason = value === "" || value === false ? (field.required ? "This is needed." : null) : misread(field, value, values);
    if (reason) found[field.name] = reason;
  }
  return found;
}

function misread(field, value, values) {
  const currency = currencyOf(field, values);
  if (field.type === "money" && parse(value, currency, { finer: field.finer ?? 0 }) === null) return `No amount in ${currency}, such as ${decimal(12_500_000, currency)}.`;
  if (field.type === "number" && !/^-?\d+$/.test(String(value).trim())) return "A whole number, please.";
  if (field.type === "json") {
    try {
      JSON.parse(value);
    } catch (error) {
      return `No JSON: ${error.message}`;
    }
  }
  return null;
}

/** One field with its label, hint and problem. */
export function Field({ field, value, values = {}, problem, onChange }) {
  const id = useId();
  const described = [field.hint || field.type === "date" ? `${id}-hint` : null, problem ? `${id}-problem` : null].filter(Boolean).join(" ");
  const shared = {
    id, name: field.name, "aria-invalid": problem ? "true" : undefined, "aria-describedby": described || undefined,
    "aria-required": field.required ? "true" : undefined,
  };
  const typed = (event) => onChange(event.target.value);
  const hint = field.type === "date" ? `${field.hint ? `${field.hint} ` : ""}Midnight in ${zone()}.` : field.hint;
  return html`<div class=${`field ${field.type ?? "text"}`}>
    <label for=${id}>${field.label}${field.type === "money" ? ` (${currencyOf(field, values)})` : ""}${field.required || ["select", "checkbox"].includes(field.type) ? "" : html`<span class="quiet"> optional</span>`}</label>
    ${field.input ? field.input({ shared, value, values, onChange }) : input(field, value, shared, typed, onChange)}
    ${hint && html`<div class="hint" id=${`${id}-hint`}>${hint}</div>`}
    ${problem && html`<div class="wrong" id=${`${id}-problem`}>${problem}</div>`}
  </div>`;
}

function input(field, value, shared, typed, onChange) {
  switch (field.type) {
    case "select":
      return html`<select ...${shared} value=${value} onChange=${typed}>${field.options.map(([each, text]) => html`<option value=${each} selected=${each === value}>${text}</option>`)}</select>`;
    case "checkbox":
      return html`<input ...${shared} type="checkbox" checked=${value} onChange=${(event) => onChange(event.target.checked)} />`;
    case "textarea":
    case "json":
      return html`<textarea ...${shared} rows=${field.type === "json" ? 10 : 3} value=${value} onInput=${typed}></textarea>`;
    case "money":
      return html`<input ...${shared} type="text" inputmode="decimal" autocomplete="off" value=${value} onInput=${typed} />`;
    case "number":
      return html`<input ...${shared} type="text" inputmode="numeric" autocomplete="off" value=${value} onInput=${typed} />`;
    default:
      return html`<input ...${shared} type=${field.type ?? "text"} autocomplete=${field.autocomplete ?? "off"} value=${value} onInput=${typed} />`;
  }
}

const DAY_MS = 86_400_000;

/**
 * The instant of a day's midnight in the tenant's zone, RFC 3339; undefined for no day. Where clocks go back over midnight it is
 * the first of the two; where they leave midnight out it is the instant at which they do, with which the day begins.
 */
export function midnight(text) {
  if (!text) return undefined;
  const utc = Date.parse(`${text}T00:00:00Z`);
  const [before, after] = [utc - DAY_MS, utc + DAY_MS].map(offsetMs); // a zone changes at most once meanwhile
  const at = [utc - before, utc - after].sort((one, other) => one - other).find((each) => utc - offsetMs(each) === each) ?? utc - before;
  return new Date(at).toISOString().replace(".000Z", "Z");
}

function offsetMs(at) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone(), hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(new Date(at));
  const of = (type) => Number(parts.find((each) => each.type === type).value);
  return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second")) - Math.floor(at / 1000) * 1000;
}
