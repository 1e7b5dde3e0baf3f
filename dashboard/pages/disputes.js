/** Disputes: payers whose bank takes money back. */

import { html } from "../vendor/preact.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Badge, Heading, Money } from "../ui/parts.js";
import { CustomerName } from "./invoices.js";

const STATUSES = ["needs_response", "under_review", "won", "lost", "prevented", "warning_needs_response", "warning_under_review", "warning_closed"]
  .map((each) => [each, words(each)]);

export default function Disputes() {
  return html`<${Heading} title="Disputes" />
    <${List} path="/v1/disputes" fixed=${{ expand: "customer" }} caption="Disputes, newest first" rowHref=${(row) => href(`/disputes/${row.id}`)}
      filters=${[
        { name: "status", label: "State", type: "select", options: STATUSES }, { name: "customer", label: "Customer's id" }, { name: "payment", label: "Payment's id" },
        { name: "from", label: "Opened from", type: "date" }, { name: "to", label: "before", type: "date" },
      ]}
      columns=${[
        { title: "Opened", cell: (row) => html`<${Time} at=${row.createdAt} />` },
        { title: "State", cell: (row) => html`<${Badge} state=${row.status} />` },
        { title: "Reason", cell: (row) => words(row.reason) },
        { title: "Amount", number: true, cell: (row) => html`<${Money} of=${row.amount} in=${row.currency} />` },
        { title: "Money", cell: (row) => (row.fundsWithdrawn ? "taken from you" : "with you") },
        { title: "Evidence by", cell: (row) => html`<${Time} at=${row.evidenceDueBy} />` },
        { title: "Customer", cell: (row) => html`<${CustomerName} row=${row} />` },
      ]}
      empty=${{ title: "No disputes.", text: "A payer's bank opens one; it shows here as soon as Stripe tells of it. In test mode the card pm_card_createDispute makes one." }} />`;
}
