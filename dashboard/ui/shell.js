/** What is around every page: the band that says TEST or LIVE, the way to the other pages, the search, the person. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { stepUp } from "../lib/api.js";
import { can } from "../lib/access.js";
import { zone } from "../lib/dates.js";
import { href, path } from "../lib/router.js";
import { me, reauthenticate, signOut } from "../lib/session.js";
import { DialogHost, Modal } from "./dialog.js";
import { Field } from "./form.js";
import { said } from "./parts.js";
import { Search } from "./search.js";

/** The pages in the order of what people come for. [place, name, who sees it: null for everybody] */
const PAGES = [
  ["Billing", [["/", "Overview"], ["/customers", "Customers"], ["/subscriptions", "Subscriptions"], ["/invoices", "Invoices"],
    ["/failed-payments", "Failed payments"], ["/payments", "Payments"], ["/disputes", "Disputes"]]],
  ["Catalog", [["/plans", "Plans"], ["/coupons", "Coupons"], ["/usage", "Usage"]]],
  ["Marketplace", [["/orders", "Orders"], ["/earnings", "Earnings"], ["/payouts", "Payouts"]]],
  ["Books", [["/reports", "Reports"], ["/ledger", "Ledger"], ["/exports", "Exports and imports"]]],
  ["Developers", [["/events", "Events"], ["/webhooks", "Webhooks"], ["/keys", "API keys"], ["/test-clocks", "Test clocks"]]],
  ["Tenant", [["/users", "Users"], ["/audit-log", "Audit log"], ["/settings", "Settings"], ["/tenants", "Tenants", "platform"]]],
];

export function Shell({ children }) {
  const [open, setOpen] = useState(false);
  const place = path.value;
  useEffect(() => setOpen(false), [place]);
  const { tenant } = me.value;
  const live = tenant.mode === "live";
  return html`
    <a class="skip" href="#page" onClick=${skip}>Skip to the page</a>
    <div class=${`band ${live ? "live" : "test"}`} role="region" aria-label="Mode">${live ? "LIVE: real money moves" : "TEST: no real money moves"}</div>
    <header class="top">
      <button type="button" class="menu" aria-expanded=${open ? "true" : "false"} aria-controls="nav" onClick=${() => setOpen(!open)}>Menu</button>
      <a class="brand" href=${href("/")}>Ledgerline</a>
      <span class="tenant">${tenant.name}</span>
      <${Search} />
      <${Person} />
    </header>
    <div class="below">
      <nav id="nav" class=${open ? "open" : ""} aria-label="Pages">
        ${PAGES.map(([group, pages]) => html`<div class="group"><h2>${group}</h2><ul>
          ${pages.filter(([, , scope]) => can(scope)).map(([to, name]) => html`<li>
            <a href=${href(to)} aria-current=${isUnder(place, to) ? "page" : undefined}>${name}</a></li>`)}
        </ul></div>`)}
      </nav>
      <main id="page">${children}
        <footer class="quiet">Times are in ${zone()}. · <a href="/docs" target="_blank" rel="noreferrer">API reference</a></footer>
      </main>
    </div>
    <div class="toast" role="status" aria-live="polite">${said.value}</div>
    <${DialogHost} />
    ${stepUp.value && html`<${PasswordAgain} settle=${stepUp.value} />`}`;
}

function skip(event) {
  event.preventDefault();
  document.querySelector("h1")?.focus();
}

function isUnder(place, to) {
  return to === "/" ? place === "/" : place === to || place.startsWith(`${to}/`);
}

function Person() {
  const { user } = me.value;
  const details = useRef(null);
  return html`<details class="person" ref=${details} onKeyDown=${(event) => { if (event.key === "Escape") details.current.open = false; }}>
    <summary>${user?.name || user?.email || "Signed in"}</summary>
    <div class="card">
      <p>${user?.email}<br /><span class="quiet">${String(user?.role ?? "").replaceAll("_", " ")}</span></p>
      <p><a href="/oauth2/account" target="_blank" rel="noreferrer">Where you are signed in</a></p>
      <button type="button" onClick=${signOut}>Sign out</button>
    </div>
  </details>`;
}

/** The API asks for the password again (RFC 9470); then the same request goes once more. */
function PasswordAgain({ settle }) {
  const [values, setValues] = useState({ password: "", code: "" });
  const [status, setStatus] = useState({ busy: false, problem: null });
  const submit = async (event) => {
    event.preventDefault();
    setStatus({ busy: true, problem: null });
    try {
      await reauthenticate(values.password, values.code);
      settle(true);
    } catch (error) {
      setStatus({ busy: false, problem: error.message });
    }
  };
  const field = (name, label, type, autocomplete, required) => html`<${Field} field=${{ name, label, type, autocomplete, required }} value=${values[name]}
    onChange=${(value) => setValues((before) => ({ ...before, [name]: value }))} />`;
  return html`<${Modal} title="Your password, once more" onClose=${() => settle(false)}>
    <form onSubmit=${submit}>
      <p>This needs a sign-in of the last ten minutes.</p>
      ${field("password", "Password", "password", "current-password", true)}
      ${field("code", "Code, if you use an authenticator", "text", "one-time-code", false)}
      ${status.problem && html`<p class="wrong" role="alert">${status.problem}</p>`}
      <div class="buttons"><button type="submit" class="primary" disabled=${status.busy}>Go on</button>
        <button type="button" onClick=${() => settle(false)}>Cancel</button></div>
    </form><//>`;
}
