/** Payouts: those to this tenant, and those that it makes as a marketplace. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, announce, Badge, Heading } from "../ui/parts.js";
import { tabOf, Tabs } from "../ui/tabs.js";

const TABS = [["made", "Made to providers"], ["got", "Got as a provider"]];
const STATES = ["pending", "in_transit", "paid", "failed", "canceled"];

const TRIGGER = {
  title: "Pay out now", path: "/v1/payouts/trigger", submit: "Pay out", danger: true,
  text: "Everything that can be paid out goes to its provider now, whatever the schedule says. What cannot is told with its reason.",
  fields: [{ name: "providerTenantId", label: "Only to this provider" }, { name: "currency", label: "Only in this currency" }],
  body: ({ providerTenantId, currency }) => ({ ...(providerTenantId && { providerTenantId }), ...(currency && { currency }) }),
  done: (told) => {
    announce(`${told.payouts.length} payouts`);
    return html`<p>${told.payouts.length} ${told.payouts.length === 1 ? "payout" : "payouts"} made.</p>
      <ul>${told.payouts.map((each) => html`<li>${money(each.amount, each.currency)} to <code>${each.providerTenantId}</code></li>`)}
      ${told.skipped.map((each) => html`<li>Not to <code>${each.providerTenantId}</code>: ${each.detail}</li>`)}</ul>`;
  },
};

export default function Payouts() {
  const tab = tabOf(TABS);
  return html`<${Heading} title="Payouts"><${Action} scope="billing:admin" dialog=${TRIGGER}>Pay out now<//><//>
    <${Tabs} tabs=${TABS} />
    <${List} key=${tab} path=${tab === "made" ? "/v1/commerce/payouts" : "/v1/payouts"} caption="Payouts" rowHref=${(row) => href(`/payouts/${row.id}`, { tab: tab === "made" ? null : tab })}
      filters=${[{ name: "status", label: "State", type: "select", options: STATES.map((each) => [each, each.replaceAll("_", " ")]) }, { name: "from", label: "Made from", type: "date" }, { name: "to", label: "to, not included", type: "date" }]}
      columns=${[
        { title: "Number", cell: (row) => row.number }, { title: "", cell: (row) => html`<${Badge} state=${row.status} />` },
        { title: "Amount", number: true, cell: (row) => money(row.amount, row.currency) },
        { title: tab === "made" ? "To" : "From", cell: (row) => html`<code>${tab === "made" ? row.providerTenantId : row.marketplaceTenantId}</code>` },
        { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} />` }, { title: "In the bank", cell: (row) => html`<${Time} at=${row.paidAt ?? row.arrivesAt} only="day" />` },
        { title: "Why it failed", cell: (row) => row.failureMessage },
      ]} empty=${{ title: "No payouts yet.", text: "Earnings are paid out once refunds are over, by each provider's schedule." }} />`;
}
