/** One subscription: where it stands and why, what it costs, what comes next, what happened; and what can be done with it. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { NextInvoice } from "../ui/figures.js";
import { List } from "../ui/list.js";
import { Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";
import { everyPeriod, PriceWords } from "../ui/prices.js";
import { discountWords, quantityWords, StateBadges, Why } from "../ui/subscription_words.js";
import { tabOf, Tabs } from "../ui/tabs.js";
import { invoiceColumns } from "./customer_lists.js";
import { Movements } from "./movements.js";
import { SubscriptionActions } from "./subscription_actions.js";

const TABS = [["now", "Now"], ["invoices", "Invoices"], ["history", "History"]];

export default function SubscriptionPage({ id }) {
  const subscription = useApi(`/v1/subscriptions/${id}`);
  return html`<${Loaded} from=${subscription}>${(of) => html`<${Subscription} of=${of} reload=${subscription.reload} />`}<//>`;
}

function Subscription({ of, reload }) {
  const customer = useApi(`/v1/customers/${of.customerId}`);
  const plan = useApi(`/v1/plans/${of.planId}`, { version: of.planVersion });
  const open = useApi(of.unpaidInvoiceIds.length > 0 ? "/v1/invoices" : null, { subscription: of.id, status: "open", view: "summary", limit: 100 });
  const name = plan.data?.name ?? of.planId;
  const tab = tabOf(TABS);
  return html`
    <${Heading} title=${name}><${SubscriptionActions} of=${of} plan=${plan.data} customer=${customer.data} reload=${reload} /><//>
    <p><${StateBadges} subscription=${of} /> <${Why} subscription=${of} invoices=${open.data ?? []} /></p>
    <${Facts} rows=${[
      ["Customer", html`<a href=${href(`/customers/${of.customerId}`)}>${customer.data ? customer.data.name ?? "erased" : of.customerId}</a>`],
      ["Plan", html`<a href=${href(`/plans/${of.planId}`)}>${name}</a>, version ${of.planVersion}${plan.data ? `, ${everyPeriod(plan.data)}` : ""}`],
      ["Quantities", quantityWords(of.itemQuantities)],
      ["Running period", html`<${Time} at=${of.currentPeriod.start} /> to <${Time} at=${of.currentPeriod.end} />`],
      ["Discount", discountWords(of.discount)],
      ["Off the running period", differs(of) ? discountWords(of.currentPeriodDiscount) ?? "nothing" : null],
      ["Charged to", of.paymentMethodId ? html`<${Id} id=${of.paymentMethodId} />` : "the customer's default card"],
      ["Periods begin on", `day ${of.anchorDay}${of.anchorMonth ? ` of month ${of.anchorMonth} and every period from there` : ""}, in ${of.timezone}`],
      ["Test clock", of.testClockId && html`<a href=${href(`/test-clocks/${of.testClockId}`)}>${of.testClockId}</a>`],
      ["Your own id", of.externalId], ["Id", html`<${Id} id=${of.id} />`], ["Began", html`<${Time} at=${of.createdAt} />`],
      ...Object.entries(of.metadata),
    ]} />
    <${Tabs} tabs=${TABS} />
    ${tab === "now" && html`<${Now} of=${of} plan=${plan} />`}
    ${tab === "invoices" && html`<${List} path="/v1/invoices" caption="Invoices of this subscription" fixed=${{ subscription: of.id, view: "summary" }}
      rowHref=${(row) => href(`/invoices/${row.id}`)} columns=${invoiceColumns} empty=${{ title: "No invoice yet.", text: "The first one comes when the first period is billed." }} />`}
    ${tab === "history" && customer.data && html`<${Movements} customer=${customer.data} subscriptionId=${of.id} />`}`;
}

const differs = (of) => JSON.stringify(of.discount?.code ?? null) !== JSON.stringify(of.currentPeriodDiscount?.code ?? null);

function Now({ of, plan }) {
  return html`
    <${Section} title="What it costs"><${Loaded} from=${plan}>${(found) => html`<${PriceWords} plan=${found} />`}<//><//>
    <${Section} title="Next invoice">${["canceled", "incomplete"].includes(of.state)
      ? html`<p class="quiet">None comes: the subscription is ${words(of.state)}.</p>`
      : html`<${NextInvoice} subscriptionId=${of.id} version=${of.version} />`}<//>`;
}
