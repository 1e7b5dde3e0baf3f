/** Users: who works here, as what. */

import { html, useState } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { me } from "../lib/session.js";
import { Modal } from "../ui/dialog.js";
import { List, Rows } from "../ui/list.js";
import { Action, Badge, Facts, Heading, Loaded, Section } from "../ui/parts.js";

/** Roles, with what they may do. */
const ROLES = [
  ["read_only", "read-only"], ["support", "support: reads, and changes subscriptions"], ["finance", "finance: bills, charges and refunds"], ["admin", "admin: everything, keys and users, too"],
];

export default function Users() {
  const [turn, setTurn] = useState(0);
  const [opened, setOpened] = useState(null);
  const again = () => setTurn((before) => before + 1);
  const invite = {
    title: "Invite somebody", path: "/v1/users", fields: [{ name: "email", label: "Email", type: "email", required: true }, { name: "name", label: "Name" }, { name: "role", label: "Role", type: "select", options: ROLES }],
    body: ({ email, name, role }) => ({ email, role, ...(name && { name }) }), done: again, said: "The invitation is on its way", text: "They get a link by mail, good for seven days.",
  };
  return html`<${Heading} title="Users"><${Action} scope="billing:admin" primary dialog=${invite}>Invite somebody<//><//>
    <${List} key=${turn} path="/v1/users" caption="Users"
      columns=${[
        { title: "Email", cell: (row) => html`<button type="button" class="as-link" onClick=${() => setOpened(row)}>${row.email}</button>` }, { title: "Name", cell: (row) => row.name }, { title: "Role", cell: (row) => words(row.role) },
        { title: "", cell: (row) => html`<${Badge} state=${row.status} />` }, { title: "Authenticator", cell: (row) => (row.usesAuthenticator ? "yes" : "no") }, { title: "Since", cell: (row) => html`<${Time} at=${row.createdAt} only="day" />` },
      ]} empty=${{ title: "Nobody was invited yet.", curl: curl("POST", "/v1/users", { body: { email: "ada@example.com", role: "finance" } }) }} />
    ${opened && html`<${User} user=${opened} close=${() => setOpened(null)} again=${again} />`}`;
}

function User({ user, close, again }) {
  const path = `/v1/users/${user.id}`;
  const sessions = useApi(`${path}/sessions`);
  const grants = useApi(`${path}/grants`);
  const own = user.id === me.value.user?.id;
  const active = user.status === "active";
  const version = { "If-Match": `"${user.version}"` };
  const after = () => { again(); };
  const acts = {
    role: { title: "Change the role", method: "PATCH", path, headers: version, fields: [{ name: "role", label: "Role", type: "select", options: ROLES }], initial: user, done: after, text: "Who may do less from now on is signed out of everything." },
    link: { title: user.status === "invited" ? "Send the invitation again" : "Send a link for a new password", path: `${path}/send-link`, body: () => ({}), done: after, said: "The mail is on its way", text: "The link before is worth nothing then." },
    signOut: { title: "Sign out everywhere", path: `${path}/sign-out`, body: () => ({}), danger: true, done: after, text: "All sessions, and what applications do in their name, end at once." },
    reset: { title: "Reset the authenticator", path: `${path}/reset-authenticator`, body: () => ({}), danger: true, done: after, text: "They are signed out, told by mail, and sign in with the password alone until they set up another one." },
    toggle: { title: active ? "Disable" : "Enable", method: "PATCH", path, headers: version, body: () => ({ status: active ? "disabled" : "active" }), danger: active, done: after, text: active ? "They are signed out at once, and cannot sign in." : "They can sign in again." },
  };
  const open = (dialog) => () => { close(); return dialog; };
  return html`<${Modal} title=${user.email} onClose=${close} wide>
    <${Facts} rows=${[["Name", user.name], ["Role", words(user.role)], ["State", html`<${Badge} state=${user.status} />`], ["May do", user.scopes.join(", ")]]} />
    <div class="actions">
      <${Action} scope="billing:admin" dialog=${open(acts.role)}>Change the role<//><${Action} scope="billing:admin" dialog=${open(acts.link)}>${acts.link.title}<//>
      <${Action} scope="billing:admin" danger dialog=${open(acts.signOut)}>Sign out everywhere<//>
      <${Action} scope="billing:admin" danger unless=${own ? "Somebody else has to do this for you." : user.usesAuthenticator ? null : "They use none."} dialog=${open(acts.reset)}>Reset the authenticator<//>
      <${Action} scope="billing:admin" danger=${active} unless=${user.status === "invited" ? "They have not accepted yet." : null} dialog=${open(acts.toggle)}>${acts.toggle.title}<//>
    </div>
    <${Section} title="Signed in"><${Loaded} from=${sessions}>${(rows) => (rows.length === 0 ? html`<p class="quiet">Nowhere.</p>` : html`<${Rows} rows=${rows} caption="Sessions" columns=${[
      { title: "Since", cell: (row) => html`<${Time} at=${row.createdAt} />` }, { title: "Last seen", cell: (row) => html`<${Time} at=${row.lastSeenAt} />` }, { title: "Until", cell: (row) => html`<${Time} at=${row.expiresAt} />` }]} />`)}<//><//>
    <${Section} title="Applications that act for them"><${Loaded} from=${grants}>${(rows) => (rows.length === 0 ? html`<p class="quiet">None.</p>` : html`<${Rows} rows=${rows} caption="Applications" columns=${[
      { title: "Client", cell: (row) => html`<code>${row.clientId}</code>` }, { title: "Scopes", cell: (row) => row.scopes.join(", ") }, { title: "Since", cell: (row) => html`<${Time} at=${row.createdAt} />` },
      { title: "", cell: (row) => (row.revokedAt ? "ended" : "") }]} />`)}<//><//>
  <//>`;
}
