/** Calls of the public API: nothing here can do what a customer's own program could not. */

import { signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { accessToken, ended, renew } from "./session.js";

const TRIES = 4;
const LONGEST_WAIT_S = 10;

/** A refusal, or no answer at all (status 0), with what the API says of it. */
export class ApiError extends Error {
  constructor(status, error = {}, requestId = null, retryAfterS = null) {
    super(error.message || (status ? `The API answered ${status}.` : "The API cannot be reached."));
    Object.assign(this, { status, code: error.code ?? "", details: error.details ?? [], requestId, retryAfterS });
    this.documentationUrl = error.documentation_url ?? null;
  }

  /** Whether nobody knows if it happened: a repeat with the same key tells. A decline (502) is known: nothing was charged. */
  get isUnknown() {
    if (this.code === "payment.declined") return false;
    return this.status === 0 || this.status >= 500 || this.code === "idempotency.in_progress";
  }
}

/** A dialog that asks for the password again is waiting: a function to settle it, or null. */
export const stepUp = signal(null);

/** A fresh Idempotency-Key: 128 random bits. */
export function newKey() {
  return crypto.randomUUID();
}

/** The path with its query, as it is called. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Call the API; what can be sent again without doing it twice is sent again.
 * @param {string} method
 * @param {string} path "/v1/customers"
 * @param {{query?: object, body?: object, key?: string, headers?: object, as?: "json"|"blob"}} options
 *   key: the Idempotency-Key of a write
 * @returns {Promise<{data: any, meta: any, status: number, headers: Headers}>}
 * @throws {ApiError}
 */
export async function call(method, path, { query, body, key, headers = {}, as = "json" } = {}) {
  let renewed = false;
  for (let attempt = 1; ; attempt += 1) {
    const error = await once(method, address(path, query), { body, key, headers, as }).catch((refusal) => refusal);
    if (!(error instanceof Error)) return error;
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "auth.reauthentication_required") {
      if (!(await passwordAgain())) throw error;
    } else if (error.status === 401 && !renewed) {
      renewed = true;
      const there = await renew().catch(() => null); // null: nobody knows whether the sign-in has ended
      if (there === false) ended();
      if (!there) throw error;
    } else if (attempt < TRIES && again(method, key, error)) {
      await pause(Math.min(error.retryAfterS ?? 2 ** attempt * 0.25, LONGEST_WAIT_S));
    } else {
      throw error;
    }
  }
}

async function once(method, url, { body, key, headers, as }) {
  const sent = { Authorization: `Bearer ${accessToken()}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (key) sent["Idempotency-Key"] = key;
  let answer;
  try {
    answer = await fetch(url, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0);
  }
  if (!answer.ok) throw await refused(answer);
  if (as === "blob") return { data: await answer.blob(), meta: {}, status: answer.status, headers: answer.headers };
  const text = await answer.text().catch(() => null); // the connection may break in the middle
  if (text === null) throw new ApiError(0);
  const parsed = text ? JSON.parse(text) : {};
  return { data: parsed.data ?? null, meta: parsed.meta ?? {}, status: answer.status, headers: answer.headers };
}

async function refused(answer) {
  const parsed = await answer.json().catch(() => ({}));
  const wait = Number(answer.headers.get("Retry-After"));
  const requestId = parsed.error?.request_id ?? answer.headers.get("X-Request-Id");
  return new ApiError(answer.status, parsed.error, requestId, Number.isFinite(wait) && wait > 0 ? wait : null);
}

function again(method, key, error) {
  const harmless = method === "GET" || Boolean(key);
  const passes = error.status === 0 || error.status === 429 || error.status === 503 || error.code === "idempotency.in_progress";
  return harmless && passes && (error.retryAfterS ?? 0) <= LONGEST_WAIT_S;
}

const pause = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

function passwordAgain() {
  return new Promise((settled) => {
    stepUp.value = (allowed) => {
      stepUp.value = null;
      settled(allowed);
    };
  });
}

/** Read. */
export const get = (path, query) => call("GET", path, { query });

/**
 * Read for a component; reads anew when path or query change.
 * @param {string|null} path null: nothing to read yet
 * @param {object} query
 * @param {{everyMs?: number|null}} options read again in this interval, while the page is seen
 * @returns {{data: any, meta: any, error: ApiError|null, loading: boolean, reload: () => void}}
 */
export function useApi(path, query = {}, { everyMs = null } = {}) {
  const url = path === null ? null : address(path, query);
  const [shown, setShown] = useState({ url: null, data: null, meta: {}, error: null });
  const [turn, setTurn] = useState(0);
  const asked = useRef(0);
  useEffect(() => {
    if (url === null) return undefined;
    asked.current += 1;
    const mine = asked.current;
    const tell = (answer) => { if (asked.current === mine) setShown({ url, meta: {}, data: null, error: null, ...answer }); };
    call("GET", url).then(({ data, meta, status }) => tell({ data, meta, status }), (error) => tell({ error }));
    return () => { asked.current += 1; };
  }, [url, turn]);
  useEffect(() => {
    if (!everyMs || url === null) return undefined;
    const timer = setInterval(() => { if (!document.hidden) setTurn((before) => before + 1); }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, url]);
  const current = shown.url === url ? shown : { ...shown, data: null, error: null, meta: {} };
  return { ...current, loading: url !== null && shown.url !== url, reload: () => setTurn((before) => before + 1) };
}

/** Every row of a list, page by page; at most `most`. */
export async function every(path, query = {}, most = 500) {
  const rows = [];
  for (let cursor; ;) {
    const { data, meta } = await get(path, { limit: 100, ...query, cursor });
    rows.push(...data);
    cursor = meta.pagination?.next_cursor;
    if (!cursor || rows.length >= most) return rows;
  }
}

/** The same call for a terminal. */
export function curl(method, path, { query, body, key } = {}) {
  const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
  const lines = [`curl -X ${method} "$API"${quoted(address(path, query))}`, `  -H "X-API-Key: $KEY"`];
  if (method !== "GET") lines.push(`  -H ${quoted(`Idempotency-Key: ${key ?? "a-key-of-yours"}`)}`);
  if (body !== undefined) lines.push(`  -H 'Content-Type: application/json'`, `  -d ${quoted(JSON.stringify(body))}`);
  return lines.join(" \\\n");
}

/** Have the browser keep a file that only a caller with a token gets. */
export async function download(path, name, query) {
  const { data } = await call("GET", path, { query, as: "blob", headers: { Accept: "*/*" } });
  saveAs(data, name);
}

/** Have the browser keep a blob. */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
