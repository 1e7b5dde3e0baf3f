/**
 * Money for people. The API gives integers in micro-units: 1,000 of them are a minor unit of the currency, so 4999000 is
 * 49.99 USD and 500000 are 500 JPY. The digits are the API's (GET /v1/currencies): browsers differ from ISO 4217 in some.
 */

import { signal } from "../vendor/preact.js";

const MICROS = 1000n;
/** Digits behind the point by currency. */
export const digits = signal({});

/** Take over what GET /v1/currencies says. */
export function learn(currencies) {
  digits.value = Object.fromEntries(currencies.map((each) => [each.code, each.minorDigits]));
}

function digitsOf(currency) {
  return digits.value[currency] ?? 2;
}

/** 1234567 -> "1,234,567". */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/**
 * An amount as a decimal number without its currency.
 * @param {number|bigint|string} micros whole micro-units
 * @param {string} currency ISO 4217
 * @example decimal(4999000, "USD") === "49.99"; decimal(1250, "USD") === "0.0125" (a price of parts of a cent)
 */
export function decimal(micros, currency, { group = false } = {}) {
  const whole = BigInt(micros);
  const [sign, size] = whole < 0n ? ["-", -whole] : ["", whole];
  const places = digitsOf(currency);
  const scale = 10n ** BigInt(places) * MICROS;
  const before = String(size / scale);
  const behind = String(size % scale).padStart(places + 3, "0");
  const kept = behind.slice(0, places) + behind.slice(places).replace(/0+$/, "");
  return `${sign}${group ? grouped(before) : before}${kept ? `.${kept}` : ""}`;
}

/** "1,234.50 USD"; an em dash where there is no amount. */
export function money(micros, currency) {
  if (micros === null || micros === undefined) return "—";
  return `${decimal(micros, currency, { group: true }).replace(/^-/, "−")} ${currency}`;
}

/**
 * What somebody typed, in micro-units.
 * @returns {number|null} null where it is no amount, or is finer than the currency's minor unit
 * @example parse("49.99", "USD") === 4999000; parse("49.999", "USD") === null
 */
export function parse(text, currency, { finer = 0 } = {}) {
  const match = /^(-?)(\d{1,13})(?:\.(\d+))?$/.exec(String(text).trim().replaceAll(",", ""));
  const places = digitsOf(currency);
  if (!match || (match[3] ?? "").length > places + finer) return null;
  const behind = (match[3] ?? "").padEnd(places + 3, "0");
  const micros = Number(BigInt(match[2] + behind));
  if (!Number.isSafeInteger(micros)) return null;
  return match[1] && micros ? -micros : micros;
}
