/** What this tenant earns as a provider, and the lines of its accounts. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Badge, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";

export default function Earnings() {
  const earnings = useApi("/v1/provider/earnings");
  const account = useApi("/v1/provider/account");
  return html`<${Heading} title="Earnings" />
    <p>What you earn of orders of marketplaces that you provide for.</p>
    <${Loaded} from=${earnings}>${(rows) => (rows.length === 0 ? html`<p class="quiet">Nothing was earned yet.</p>` : rows.map((each) => html`<${Balance} key=${each.marketplaceTenantId + each.currency} of=${each} />`))}<//>
    <${Section} title="Where payouts go">${account.error?.status === 404 ? html`<p class="quiet">There is no account for payouts yet: POST /v1/provider/account opens one.</p>`
      : html`<${Loaded} from=${account}>${(data) => html`<${Account} account=${data} />`}<//>`}<//>
    <${Section} title="Lines">
      <${List} path="/v1/provider/ledger" caption="Lines of your accounts" filters=${[{ name: "currency", label: "Currency" }, { name: "type", label: "Type" }, { name: "from", label: "From", type: "date" }, { name: "to", label: "to, not included", type: "date" }]}
        columns=${[
          { title: "When", cell: (row) => html`<${Time} at=${row.createdAt} />` }, { title: "What", cell: (row) => html`${words(row.type)} ${row.note && html`<span class="quiet">${row.note}</span>`}` },
          { title: "Source", cell: (row) => html`<code>${row.sourceId}</code>` }, { title: "Amount", number: true, cell: (row) => money(row.amount, row.currency) },
          { title: "Balance after", number: true, cell: (row) => money(row.balanceAfter, row.currency) },
        ]} empty=${{ title: "No lines yet." }} /><//>`;
}

function Balance({ of: each }) {
  const amount = (value) => money(value, each.currency);
  return html`<${Section} title=${`${each.currency} of ${each.marketplaceTenantId}`}><${Facts} rows=${[
    ["Pending, until refunds are over", amount(each.pending)], ["Can be paid out", amount(each.available)], ["Held for a dispute", each.held ? amount(each.held) : null],
    ["On its way", each.inTransit ? amount(each.inTransit) : null], ["Paid out", amount(each.paid)], ["Owed by you", each.negative ? amount(each.negative) : null],
    ["Next payout", each.nextPayoutAt && html`<${Time} at=${each.nextPayoutAt} />`], ["Why the last one did not go", each.lastSkip && `${words(each.lastSkip.reason)}: ${each.lastSkip.detail}`],
  ]} /><//>`;
}

function Account({ account }) {
  return html`<${Facts} rows=${[
    ["State", html`<${Badge} state=${account.ready ? "ready" : "incomplete"} />`], ["Country", account.country], ["Account at Stripe", account.account && html`<${Id} id=${account.account.id} />`],
    ["Stripe asks for", account.account?.currentlyDue.map(words).join(", ")], ["Why it is closed", account.account?.disabledReason && words(account.account.disabledReason)],
    ["Schedule", words(account.schedule.interval)], ["Payouts", html`<a href=${href("/payouts")}>all payouts</a>`],
  ]} />`;
}
