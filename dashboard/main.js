/** Begins: signs in, then shows the page that the address names. Each page is a module of its own, read when it is opened. */

import { effect, html, render, useEffect, useState } from "./vendor/preact.js";
import { get } from "./lib/api.js";
import { learn } from "./lib/money.js";
import { followLinks, href, match, navigate, path, ROOT, tenantId } from "./lib/router.js";
import { failure, me, signIn, start, state } from "./lib/session.js";
import { ROUTES } from "./pages/routes.js";
import { closeDialog } from "./ui/dialog.js";
import { forgetOutcomes } from "./ui/list.js";
import { Heading, Loading, Problem } from "./ui/parts.js";
import { Shell } from "./ui/shell.js";

async function whoAmI() {
  const [{ data }, currencies] = await Promise.all([get("/v1/me"), get("/v1/currencies")]);
  learn(currencies.data);
  return data;
}

function App() {
  if (state.value === "in") return html`<${Shell}><${Page} key=${path.value} place=${path.value} /><//>`;
  if (state.value === "starting") return html`<main class="alone"><h1>Ledgerline</h1><${Loading} /></main>`;
  if (state.value === "failed") {
    return html`<main class="alone"><h1>That did not work</h1><${Problem} error=${failure.value} />
      <button type="button" onClick=${() => signIn()}>Sign in</button></main>`;
  }
  return tenantId.value ? html`<${SignedOut} />` : html`<${WhichTenant} />`;
}

function SignedOut() {
  return html`<main class="alone"><h1>You are signed out</h1>
    <button type="button" class="primary" onClick=${() => signIn()}>Sign in</button></main>`;
}

function WhichTenant() {
  const [typed, setTyped] = useState("");
  const go = (event) => {
    event.preventDefault();
    const id = typed.trim();
    if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) window.location.assign(`${ROOT}/${id}/`);
  };
  return html`<main class="alone"><h1>Ledgerline</h1><form onSubmit=${go}>
    <label for="tenant">Tenant</label>
    <input id="tenant" value=${typed} autocomplete="off" onInput=${(event) => setTyped(event.target.value)} aria-describedby="tenant-hint" />
    <div class="hint" id="tenant-hint">Its id, which begins with ten_. Bookmark the address that comes.</div>
    <div class="buttons"><button type="submit" class="primary">Sign in</button></div></form></main>`;
}

function find(place) {
  for (const [pattern, load] of ROUTES) {
    const parameters = match(pattern, place);
    if (parameters) return { load, parameters };
  }
  return null;
}

function Page({ place }) {
  const [page, setPage] = useState(null);
  const found = find(place);
  useEffect(() => {
    let gone = false;
    closeDialog();
    forgetOutcomes();
    found?.load().then((module) => { if (!gone) setPage({ module }); }, (error) => { if (!gone) setPage({ error }); });
    return () => { gone = true; };
  }, []);
  useEffect(() => {
    if (!page) return;
    window.scrollTo(0, 0);
    document.querySelector("main h1")?.focus({ preventScroll: true });
  }, [page]);
  if (!found) return html`<${Heading} title="There is no such page" /><p><a href=${href("/")}>Go to the overview</a></p>`;
  if (page?.error) {
    // A newer version was put up meanwhile, or the network is away: loading anew mends both.
    return html`<${Heading} title="This page could not be loaded" /><button type="button" onClick=${() => window.location.reload()}>Load again</button>`;
  }
  if (!page) return html`<${Loading} />`;
  return html`<${page.module.default} ...${found.parameters} />`;
}

effect(() => {
  const name = path.value.split("/").filter(Boolean).map((each) => each.replaceAll("-", " ")).join(" · ");
  document.title = `${name ? `${name[0].toUpperCase()}${name.slice(1)}` : "Overview"} · ${me.value?.tenant?.name ?? "Ledgerline"}`;
});

followLinks();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
start(whoAmI);
window.addEventListener("pageshow", (event) => {
  if (event.persisted && state.value !== "in") navigate(window.location.pathname + window.location.search, { replace: true });
});
