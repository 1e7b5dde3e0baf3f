/** The audit log: every call, refused ones too. */

import { html } from "../vendor/preact.js";
import { can, whyNot } from "../lib/access.js";
import { download } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { query } from "../lib/router.js";
import { midnight } from "../ui/form.js";
import { List } from "../ui/list.js";
import { Action, Heading, Id } from "../ui/parts.js";

export default function AuditLog() {
  if (!can("billing:admin")) return html`<${Heading} title="Audit log" /><p>${whyNot("billing:admin")}</p>`;
  const asked = Object.fromEntries(["principal", "status", "route"].map((each) => [each, query.value.get(each)]));
  const times = { from: midnight(query.value.get("from")), to: midnight(query.value.get("to")) };
  return html`<${Heading} title="Audit log"><${Action} scope="billing:admin" onClick=${() => download("/v1/audit-log/export.csv", "audit-log.csv", { ...asked, ...times })}>CSV<//><//>
    <${List} path="/v1/audit-log" caption="Calls" 
      filters=${[
        { name: "from", label: "From", type: "date" }, { name: "to", label: "to, not included", type: "date" }, { name: "principal", label: "Who (id)" }, { name: "status", label: "Status, such as 4xx" }, { name: "route", label: "Route, such as POST /v1/payments" },
      ]}
      columns=${[
        { title: "When", cell: (row) => html`<${Time} at=${row.at} />` }, { title: "Call", cell: (row) => html`<code>${row.route}</code>` }, { title: "Status", number: true, cell: (row) => row.status },
        { title: "Who", cell: (row) => html`<code>${row.principal}</code>` }, { title: "From", cell: (row) => row.ip }, { title: "ms", number: true, cell: (row) => row.durationMs }, { title: "Request", cell: (row) => html`<${Id} id=${row.requestId} />` },
      ]} empty=${{ title: "No calls yet." }} />`;
}
