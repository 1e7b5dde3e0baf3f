/** Tenants, for the platform's admin. */

import { html, useState } from "../vendor/preact.js";
import { can, whyNot } from "../lib/access.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { ROOT } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading, Id } from "../ui/parts.js";
import { Secret } from "../ui/secret.js";

const CREATE = {
  title: "New tenant", path: "/v1/tenants",
  fields: [
    { name: "name", label: "Name", required: true }, { name: "mode", label: "Mode", type: "select", options: [["test", "test"], ["live", "live: real money"]] }, { name: "tier", label: "Tier", type: "select", options: [["standard", "standard"], ["enterprise", "enterprise"]] },
    { name: "currency", label: "Currency", required: true }, { name: "timezone", label: "Time zone", required: true, hint: "An IANA name, such as Europe/Berlin" },
  ],
  initial: { timezone: "UTC", currency: "USD" }, said: "The tenant is there",
};

export default function Tenants() {
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  if (!can("platform")) return html`<${Heading} title="Tenants" /><p>${whyNot("platform")}</p>`;
  const create = { ...CREATE, done: (made) => { again(); return html`<p><${Id} id=${made.id} /></p><${Secret} name="First admin key" value=${made.apiKey} />`; } };
  return html`<${Heading} title="Tenants"><${Action} scope="platform" primary dialog=${create}>New tenant<//><//>
    <${List} key=${turn} path="/v1/tenants" caption="Tenants" filters=${[{ name: "status", label: "State", type: "select", options: [["active", "active"], ["suspended", "suspended"]] }]}
      columns=${[
        { title: "Name", cell: (row) => row.name }, { title: "Id", cell: (row) => html`<${Id} id=${row.id} />` }, { title: "", cell: (row) => html`<${Badge} state=${row.status} /> <${Badge} state=${row.mode} />` }, { title: "Tier", cell: (row) => row.tier },
        { title: "Currency", cell: (row) => row.currency }, { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} only="day" />` },
        { title: "", cell: (row) => {
          const active = row.status === "active";
          const toggle = { title: `${active ? "Suspend" : "Activate"} “${row.name}”`, method: "PATCH", path: `/v1/tenants/${row.id}`, body: () => ({ status: active ? "suspended" : "active" }), danger: active, done: again,
            text: active ? "Its calls are refused from now on. What is due for its customers goes on: billing them is not stopped." : "Its calls are answered again." };
          return html`<div class="actions"><${Action} scope="platform" danger=${active} dialog=${toggle}>${active ? "Suspend" : "Activate"}<span class="hidden"> ${row.name}</span><//> <a href=${`${ROOT}/${row.id}/`} target="_blank" rel="noreferrer">Its dashboard</a></div>`;
        } },
      ]} empty=${{ title: "No tenants.", curl: curl("POST", "/v1/tenants", { body: { name: "Acme", currency: "USD", mode: "test" } }) }} />`;
}
