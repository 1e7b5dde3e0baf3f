/**
 * Who is signed in. A public OAuth client with PKCE (RFC 7636, draft-ietf-oauth-browser-based-apps): the access token is in
 * this module's memory and nowhere else; a new one comes by the sign-in's own cookie, which no script can read. What a
 * redirect has to survive (verifier, state, where to go back) is in this tab's sessionStorage until the answer is here.
 */

import { signal } from "../vendor/preact.js";
import { navigate, ROOT, tenantId } from "./router.js";

const AUTHORIZE = "/oauth2/authorize";
const TOKEN = "/oauth2/token";
const KEPT = "ledgerline.sign-in.";
const IDLE_MS = 25 * 60_000; // the sign-in's own limit is 30 minutes
const EARLY_S = 60; // before its end: a call that is on its way has to arrive with it
const AGAIN_S = 20; // after a renewal that got no answer

/** "starting", "in", "out" (the sign-in has ended), "failed". */
export const state = signal("starting");
export const failure = signal(null);
/** What GET /v1/me says: {user, scopes, tenant, ...}; null before that. */
export const me = signal(null);

let token = null;
let livesS = 0;
let subject = null; // whose tokens these are
let renewing = null;
let lastUsed = Date.now();
/** The sign-in is one for all tabs: who works in another is not away. */
const used = new BroadcastChannel("ledgerline.used");

const redirectUri = () => `${window.location.origin}${ROOT}/`;
const clientId = (tenant) => `dashboard.${tenant}`;

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

async function asked(tenant, extra = {}) {
  const verifier = random();
  const stateText = random();
  const parameters = new URLSearchParams({
    response_type: "code", client_id: clientId(tenant), redirect_uri: redirectUri(), state: stateText,
    code_challenge: await challengeOf(verifier), code_challenge_method: "S256", ...extra,
  });
  return { verifier, state: stateText, url: `${AUTHORIZE}?${parameters}` };
}

/** Leave for the page on which people sign in; they come back to `returnTo`. */
export async function signIn(tenant = tenantId.value, returnTo = window.location.pathname + window.location.search) {
  const request = await asked(tenant);
  sessionStorage.setItem(KEPT + request.state, JSON.stringify({ verifier: request.verifier, tenant, returnTo }));
  window.location.assign(request.url);
}

async function exchange(tenant, code, verifier) {
  const answer = await post(TOKEN, {
    grant_type: "authorization_code", client_id: clientId(tenant), redirect_uri: redirectUri(), code, code_verifier: verifier,
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw refused(answer.status, body);
  const given = subjectOf(body.access_token);
  // Somebody else has signed in in this browser: what this page shows, and is about to send, is not theirs.
  if (subject !== null && subject !== given) return false;
  subject = given;
  token = body.access_token;
  livesS = body.expires_in;
  return true;
}

function refused(status, body = {}) {
  if (status === 429) return new Error("Too many people sign in from this network. Wait a minute.");
  return new Error(body.error_description || body.error || `The sign-in answered ${status}.`);
}

function subjectOf(accessToken) {
  return JSON.parse(atob(accessToken.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;
}

/** A new token by the cookie of the sign-in; false where there is none, or it is another user's. One call at a time, however many wait for it. */
export function renew() {
  renewing ??= silently().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function silently() {
  const tenant = tenantId.value;
  const request = await asked(tenant, { prompt: "none" });
  const answer = await fetch(request.url, { credentials: "same-origin", headers: { Accept: "text/html" } });
  await answer.text(); // only the address matters, but a body that nobody reads keeps its connection
  if (!answer.redirected && (answer.status === 429 || answer.status >= 500)) throw refused(answer.status); // no answer yet
  const given = new URL(answer.url).searchParams;
  if (given.get("state") !== request.state || !given.get("code")) return false;
  return exchange(tenant, given.get("code"), request.verifier);
}

/** The token for a call; null where nobody is signed in. */
export function accessToken() {
  return token;
}

/** The page has come back from the sign-in with a code, or with an error. */
async function arrived(given) {
  const kept = sessionStorage.getItem(KEPT + given.get("state"));
  sessionStorage.removeItem(KEPT + given.get("state"));
  if (!kept) return false;
  const { verifier, tenant, returnTo } = JSON.parse(kept);
  navigate(returnTo.startsWith(`${ROOT}/${tenant}/`) ? returnTo : `${ROOT}/${tenant}/`, { replace: true });
  if (given.get("error")) throw new Error(`The sign-in ended without access: ${given.get("error")}.`);
  return exchange(tenant, given.get("code"), verifier);
}

/** Sign in if it needs no page; otherwise go to the page. Resolves when `state` is told. */
export async function start(whoAmI) {
  const given = new URLSearchParams(window.location.search);
  try {
    const back = window.location.pathname === `${ROOT}/` && given.has("state");
    if (back && !(await arrived(given))) navigate(`${ROOT}/`, { replace: true }); // a bookmark of an old answer
    if (!tenantId.value) {
      state.value = "out";
      return;
    }
    if (!token && !(await renew())) {
      await signIn();
      return; // the browser leaves
    }
    me.value = await whoAmI();
    state.value = "in";
    watch();
  } catch (error) {
    failure.value = error;
    state.value = "failed";
  }
}

/** Renews the token while somebody is here; who is away is signed out, or a click on "Sign in" would need no password. */
function watch() {
  for (const event of ["pointerdown", "keydown"]) window.addEventListener(event, here, { passive: true });
  used.addEventListener("message", () => { lastUsed = Date.now(); });
  setInterval(() => { if (state.value === "in" && Date.now() - lastUsed > IDLE_MS) signOut(); }, 10_000);
  later(livesS - EARLY_S);
}

function here() {
  if (Date.now() - lastUsed > 10_000) used.postMessage(null);
  lastUsed = Date.now();
}

function later(seconds) {
  setTimeout(async () => {
    if (state.value !== "in") return;
    const there = await renew().catch(() => null); // null: nobody answered, which says nothing of the sign-in
    if (there === false) ended();
    else later(there ? livesS - EARLY_S : AGAIN_S);
  }, Math.max(seconds, AGAIN_S) * 1000);
}

/** The sign-in has ended: nothing stays to be read. */
export function ended() {
  token = null;
  me.value = null;
  state.value = "out";
}

/**
 * Sign out here and of the browser; a token that has ended (a laptop that slept) is renewed for it first. Where the browser
 * is signed in otherwise by now (another tenant's tab) that stays, and only what this page has ends (RFC 7009).
 */
export async function signOut() {
  const tenant = tenantId.value;
  const there = await renew().catch(() => null);
  const mine = token;
  ended();
  if (!mine) return;
  if (there === false) await post("/oauth2/revoke", { client_id: clientId(tenant), token: mine }).catch(() => null);
  else await post("/oauth2/logout", { token: mine }).catch(() => null);
}

/** Kept alive: who signs out and closes the page at once has signed out. */
function post(address, values) {
  return fetch(address, {
    method: "POST", credentials: "same-origin", keepalive: true,
    headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
    body: new URLSearchParams(values),
  });
}

/** The password again (RFC 9470), then a token that says so. @throws Error with a text for people */
export async function reauthenticate(password, code) {
  const answer = await post("/oauth2/reauthenticate", { password, code });
  const { error } = answer.ok ? {} : await answer.json().catch(() => ({}));
  if (answer.status === 429) throw new Error("Too many tries. Wait a minute.");
  if (error === "access_denied") throw new Error("The password or the code is not right.");
  if (!answer.ok && error !== "login_required") throw new Error("The sign-in does not answer. Try again.");
  if (!answer.ok || !(await renew())) ended();
  if (state.value !== "in") throw new Error("The sign-in has ended. Sign in again.");
}
