/** Test clocks: time that can be moved. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";
import { me } from "../lib/session.js";
import { midnight } from "../ui/form.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading } from "../ui/parts.js";

export default function TestClocks() {
  const live = me.value.tenant.mode === "live" ? "Only a tenant in test mode can move time." : null;
  const create = {
    title: "New test clock", path: "/v1/test-clocks", fields: [{ name: "day", label: "It begins on", type: "date", required: true }], initial: { day: new Date().toISOString() },
    body: ({ day }) => ({ frozenTime: midnight(day) }), done: (clock) => navigate(href(`/test-clocks/${clock.id}`)),
  };
  return html`<${Heading} title="Test clocks"><${Action} scope="billing:write" primary unless=${live} dialog=${create}>New test clock<//><//>
    <p>Customers who are made with a test clock live at its time. Moving it does everything that is due, in order.</p>
    <${List} path="/v1/test-clocks" caption="Test clocks" rowHref=${(row) => href(`/test-clocks/${row.id}`)}
      columns=${[
        { title: "Clock", cell: (row) => row.id }, { title: "", cell: (row) => html`<${Badge} state=${row.status} />` }, { title: "Shows", cell: (row) => html`<${Time} at=${row.frozenTime} />` },
        { title: "Goes to", cell: (row) => html`<${Time} at=${row.targetTime} />` }, { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} />` },
      ]} empty=${{ title: "No test clocks yet.", curl: curl("POST", "/v1/test-clocks", { body: { frozenTime: "2026-01-01T00:00:00Z" } }) }} />`;
}
