/** The ledger for people: every entry, in the order of posting. */

import { html } from "../vendor/preact.js";
import { download } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href, query } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Heading } from "../ui/parts.js";

const FILTERS = [
  { name: "from", label: "From", type: "day" }, { name: "to", label: "to, not included", type: "day" }, { name: "account", label: "Account" },
  { name: "customer", label: "Customer" }, { name: "invoice", label: "Invoice" }, { name: "kind", label: "Kind" }, { name: "currency", label: "Currency" },
  { name: "testClock", label: "Test clock" },
];

export default function Ledger() {
  const asked = Object.fromEntries(FILTERS.map((each) => [each.name, query.value.get(each.name)]));
  return html`<${Heading} title="Ledger"><${Action} onClick=${() => download("/v1/ledger/entries.csv", "ledger.csv", asked)}>CSV<//><//>
    <p class="quiet">Double entry: what is on the left of an account is positive here. <a href=${href("/reports/trial-balance")}>Trial balance</a></p>
    <${List} path="/v1/ledger/entries" caption="Entries of the ledger" filters=${FILTERS}
      columns=${[
        { title: "Posted", cell: (row) => html`<${Time} at=${row.postedAt} />` },
        { title: "What", cell: (row) => html`${words(row.kind)}<br /><span class="quiet"><code>${row.sourceId}</code></span>` },
        { title: "Accounts", cell: (row) => row.postings.map((each) => html`<div>${words(each.account)}</div>`) },
        { title: "Debit", number: true, cell: (row) => row.postings.map((each) => html`<div>${each.amount > 0 ? money(each.amount, row.currency) : " "}</div>`) },
        { title: "Credit", number: true, cell: (row) => row.postings.map((each) => html`<div>${each.amount < 0 ? money(-each.amount, row.currency) : " "}</div>`) },
        { title: "Invoice", cell: (row) => row.invoiceId && html`<a href=${href(`/invoices/${row.invoiceId}`)}>invoice</a>` },
      ]}
      empty=${{ title: "Nothing was posted yet.", text: "An invoice that is finalized, a payment, a refund: each posts an entry. Those of customers on a test clock are under their clock." }} />`;
}
