/** Subscriptions: the list, and a new one. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Heading } from "../ui/parts.js";
import { quantityWords, StateBadges } from "../ui/subscription_words.js";
import { newSubscription } from "./subscription_new.js";

const STATES = [["trialing", "trialing"], ["active", "active"], ["past_due", "past due"], ["incomplete", "incomplete"], ["paused", "paused"], ["canceled", "canceled"]];

/** Columns of a list of subscriptions; `whose`: with their customers. */
export const subscriptionColumns = (whose) => [
  { title: whose ? "Customer" : "Plan", cell: (row) => (whose ? row.customer?.name ?? html`<span class="quiet">erased</span>` : row.planId) },
  ...(whose ? [{ title: "Plan", cell: (row) => html`<a href=${href(`/plans/${row.planId}`)}>${row.planId}</a>` }] : []),
  { title: "State", cell: (row) => html`<${StateBadges} subscription=${row} />` },
  { title: "Quantities", cell: (row) => quantityWords(row.itemQuantities) || html`<span class="quiet">—</span>` },
  { title: "What comes next", cell: (row) => html`<${Next} of=${row} />` },
  { title: "Began", cell: (row) => html`<${Time} at=${row.createdAt} only="day" />` },
];

function Next({ of }) {
  if (of.state === "canceled") return html`ended <${Time} at=${of.canceledAt} only="day" />`;
  if (of.state === "incomplete") return "its first payment";
  if (of.state === "paused") return of.resumesAt ? html`resumes <${Time} at=${of.resumesAt} only="day" />` : "nothing, until it is resumed";
  const then = of.cancelAtPeriodEnd ? "ends" : of.state === "trialing" ? "trial ends" : "renews";
  const unpaid = of.unpaidInvoiceCount > 0 && `, ${of.unpaidInvoiceCount} unpaid ${of.unpaidInvoiceCount === 1 ? "invoice" : "invoices"}`;
  return html`${then} <${Time} at=${of.currentPeriod.end} only="day" />${unpaid}`;
}

export default function Subscriptions() {
  const first = { customerId: "cus_...", planId: "business-monthly", quantities: { seats: 10 } };
  return html`<${Heading} title="Subscriptions"><${Action} scope="subscriptions:manage" primary onClick=${() => newSubscription()}>New subscription<//><//>
    <${List} path="/v1/subscriptions" caption="Subscriptions" fixed=${{ expand: "customer", view: "summary" }} rowHref=${(row) => href(`/subscriptions/${row.id}`)}
      filters=${[
        { name: "state", label: "State", type: "select", options: STATES }, { name: "plan", label: "Plan id" }, { name: "customer", label: "Customer id" },
        { name: "externalId", label: "Your own id" }, { name: "from", label: "Began from", type: "date" }, { name: "to", label: "to", type: "date" },
      ]}
      columns=${subscriptionColumns(true)}
      empty=${{ title: "No subscriptions yet.", text: html`A subscription bills a customer for a <a href=${href("/plans")}>plan</a>, period after period.`, curl: curl("POST", "/v1/subscriptions", { body: first }) }} />`;
}
