/** One payout, with its statement. */

import { html } from "../vendor/preact.js";
import { download, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { query } from "../lib/router.js";
import { Rows } from "../ui/list.js";
import { Action, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";

export default function Payout({ id }) {
  const root = query.value.get("tab") === "got" ? "/v1/payouts" : "/v1/commerce/payouts";
  const payout = useApi(`${root}/${id}`);
  return html`<${Loaded} from=${payout}>${(data) => html`<${Shown} payout=${data} reload=${payout.reload} />`}<//>`;
}

function Shown({ payout, reload }) {
  const path = `/v1/commerce/payouts/${payout.id}/statement`;
  const statement = useApi(path, { limit: 100 });
  const none = statement.error ? "There is no statement of it yet." : null;
  const cancel = {
    title: "Cancel the payout", path: `/v1/payouts/${payout.id}/cancel`, body: () => ({}), danger: true, done: reload, text: "What it holds can be paid out again by the next one.",
  };
  return html`<${Heading} title=${`Payout ${payout.number}`} badge=${payout.status}>
      <${Action} unless=${none} onClick=${() => download(`${path}.pdf`, `${payout.number}.pdf`)}>Statement as PDF<//>
      <${Action} unless=${none} onClick=${() => download(`${path}.csv`, `${payout.number}.csv`)}>CSV<//>
      <${Action} scope="billing:admin" danger unless=${payout.status === "pending" ? null : `It is ${words(payout.status)}.`} dialog=${cancel}>Cancel<//><//>
    <${Facts} rows=${[
      ["Amount", money(payout.amount, payout.currency)], ["To", html`<${Id} id=${payout.providerTenantId} />`], ["Of", html`<${Id} id=${payout.marketplaceTenantId} />`],
      ["Made", html`<${Time} at=${payout.createdAt} />`], ["Expected in the bank", payout.arrivesAt && html`<${Time} at=${payout.arrivesAt} only="day" />`], ["In the bank", payout.paidAt && html`<${Time} at=${payout.paidAt} />`],
      ["Transfer", payout.transferId && html`<${Id} id=${payout.transferId} />`], ["Why it failed", payout.failureMessage], ["What came of it", payout.returned && "The money is back, and can be paid out again."],
    ]} />
    <${Section} title="Statement">${none ? html`<p class="quiet">${none}</p>` : html`<${Loaded} from=${statement}>${(data) => html`<${Statement} statement=${data} />`}<//>`}<//>`;
}

function Statement({ statement }) {
  const amount = (value) => money(value, statement.currency);
  return html`<p>From <${Time} at=${statement.beginsAt} /> to <${Time} at=${statement.endsAt} />: it began with ${amount(statement.openingBalance)} and ended with ${amount(statement.closingBalance)}.
      ${statement.nextAfter !== null && `The first ${statement.lines.length} of ${statement.lineCount} lines are here; the CSV has all.`}</p>
    <${Rows} rows=${statement.lines} rowId=${(row) => String(row.seq)} caption="Lines of the statement" columns=${[
      { title: "When", cell: (row) => html`<${Time} at=${row.at} />` }, { title: "What", cell: (row) => html`${words(row.type)} <span class="quiet">${row.note}</span>` },
      { title: "Order", cell: (row) => row.orderId && html`<code>${row.orderId}</code>` }, { title: "Amount", number: true, cell: (row) => amount(row.amount) }, { title: "Balance", number: true, cell: (row) => amount(row.balanceAfter) },
    ]} />`;
}
