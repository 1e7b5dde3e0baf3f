/** API keys and OAuth clients. */

import { html, useState } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { midnight } from "../ui/form.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading } from "../ui/parts.js";
import { Secret } from "../ui/secret.js";
import { tabOf, Tabs } from "../ui/tabs.js";

const TABS = [["keys", "API keys"], ["clients", "OAuth clients"]];
const SCOPES = [["read", "read"], ["write", "write: bill, subscribe, charge"], ["admin", "admin: keys, users, settings, too"]];
const lines = (text) => String(text).split(/[\s,]+/).filter(Boolean);

/** The key once, and how a program uses it. */
function told(made) {
  return html`<${Secret} name="API key" value=${made.key} />${made.signingSecret && html`<${Secret} name="Signing secret" value=${made.signingSecret} />`}`;
}

const NEW_KEY = {
  title: "New key", path: "/v1/api-keys", said: "The key is there",
  fields: [
    { name: "name", label: "Name", required: true, hint: "Who uses it." }, { name: "scope", label: "May do", type: "select", options: SCOPES },
    { name: "expiresAt", label: "Until, not included", type: "date" }, { name: "ipAllowList", label: "Only from these networks", hint: "192.0.2.0/24, 2001:db8::/32" },
    { name: "requireSignature", label: "Every request has to be signed", type: "checkbox" },
  ],
  body: ({ name, scope, expiresAt, ipAllowList, requireSignature }) => ({
    name, scope, requireSignature, ...(expiresAt && { expiresAt: midnight(expiresAt) }), ...(ipAllowList && { ipAllowList: lines(ipAllowList) }),
  }),
};

const NEW_CLIENT = {
  title: "New OAuth client", path: "/v1/oauth-clients", said: "The client is there",
  fields: [
    { name: "name", label: "Name", required: true, hint: "Users see it when they are asked." },
    { name: "type", label: "It", type: "select", options: [["confidential", "can keep a secret: a server"], ["public", "cannot: an app, a page"]] },
    { name: "use", label: "Acts", type: "select", options: [["users", "for users who sign in"], ["itself", "for itself"]] },
    { name: "redirectUris", label: "Redirect URIs", required: true, when: (values) => values.use === "users" },
    { name: "scopes", label: "Scopes", required: true },
  ],
  initial: { scopes: "billing:read" },
  body: ({ name, type, use, redirectUris, scopes }) => ({
    name, type, grantTypes: use === "users" ? ["authorization_code", "refresh_token"] : ["client_credentials"], redirectUris: use === "users" ? lines(redirectUris) : [], scopes: lines(scopes),
  }),
};

export default function Keys() {
  const tab = tabOf(TABS);
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  const dialog = tab === "keys"
    ? { ...NEW_KEY, done: (made) => { again(); return told(made); } }
    : { ...NEW_CLIENT, done: (made) => { again(); return html`<p>Client id: <code>${made.id}</code></p>${made.secret && html`<${Secret} name="Client secret" value=${made.secret} />`}`; } };
  return html`<${Heading} title="API keys"><${Action} scope="billing:admin" primary dialog=${dialog}>${dialog.title}<//><//>
    <${Tabs} tabs=${TABS} />
    ${tab === "keys" ? html`<${KeyList} key=${turn} again=${again} />` : html`<${ClientList} key=${turn} again=${again} />`}`;
}

function rotate(row, again) {
  return {
    title: `Rotate “${row.name}”`, path: `/v1/api-keys/${row.id}/rotate`, submit: "Rotate", headers: { "If-Match": `"${row.version}"` }, said: "There is a new key",
    fields: [{ name: "hours", label: "The old key works for so many hours more", type: "number", required: true, hint: "0: it ends at once. At most 168." }], initial: { hours: 24 },
    body: ({ hours }) => ({ overlapSeconds: Number(hours) * 3600 }), done: (made) => { again(); return told(made); },
  };
}

function revoke(row, again) {
  return { title: `Revoke “${row.name}”`, path: `/v1/api-keys/${row.id}/revoke`, submit: "Revoke", body: () => ({}), danger: true, done: again, said: "The key is revoked",
    text: "It ends at once, for everybody who uses it. This cannot be taken back." };
}

function KeyList({ again }) {
  return html`<${List} path="/v1/api-keys" caption="API keys"
    columns=${[
      { title: "Name", cell: (row) => row.name }, { title: "Key", cell: (row) => html`<code>${row.hint}</code>` }, { title: "", cell: (row) => html`<${Badge} state=${row.status} />` },
      { title: "May do", cell: (row) => row.scope }, { title: "Last used", cell: (row) => row.lastUsedOn ?? "never" }, { title: "Until", cell: (row) => html`<${Time} at=${row.expiresAt} />` },
      { title: "", cell: (row) => {
        const over = row.status === "active" ? null : `It is ${row.status}.`;
        return html`<div class="actions"><${Action} scope="billing:admin" unless=${over ?? (row.replacedBy ? "It was rotated: the new one can be." : null)} dialog=${() => rotate(row, again)}>Rotate<span class="hidden"> ${row.name}</span><//>
          <${Action} scope="billing:admin" danger unless=${over} dialog=${() => revoke(row, again)}>Revoke<span class="hidden"> ${row.name}</span><//></div>`;
      } },
    ]} empty=${{ title: "No keys yet.", curl: curl("POST", "/v1/api-keys", { body: { name: "Our server", scope: "write" } }) }} />`;
}

function ClientList({ again }) {
  return html`<${List} path="/v1/oauth-clients" caption="OAuth clients"
    columns=${[
      { title: "Name", cell: (row) => row.name }, { title: "Id", cell: (row) => html`<code>${row.id}</code>` }, { title: "", cell: (row) => html`<${Badge} state=${row.status} />` },
      { title: "Type", cell: (row) => row.type }, { title: "Scopes", cell: (row) => row.scopes.join(", ") }, { title: "Redirect URIs", cell: (row) => row.redirectUris.map((each) => html`<div>${each}</div>`) },
      { title: "", cell: (row) => {
        const active = row.status === "active";
        const secret = { title: `New secret for “${row.name}”`, path: `/v1/oauth-clients/${row.id}/rotate-secret`, body: () => ({}), text: "The old secret is worth nothing from then on.", danger: true,
          done: (made) => { again(); return html`<${Secret} name="Client secret" value=${made.secret} />`; } };
        const toggle = { title: `${active ? "Disable" : "Enable"} “${row.name}”`, method: "PATCH", path: `/v1/oauth-clients/${row.id}`, body: () => ({ status: active ? "disabled" : "active" }), danger: active, done: again,
          text: active ? "Its tokens, and those that users gave it, end at once." : "It gets tokens again." };
        return html`<div class="actions"><${Action} scope="billing:admin" unless=${row.type === "public" ? "A public client has no secret." : null} dialog=${secret}>New secret<span class="hidden"> ${row.name}</span><//>
          <${Action} scope="billing:admin" danger=${active} dialog=${toggle}>${active ? "Disable" : "Enable"}<span class="hidden"> ${row.name}</span><//></div>`;
      } },
    ]} empty=${{ title: "No OAuth clients yet.", text: "An application that acts for your users registers here." }} />`;
}
