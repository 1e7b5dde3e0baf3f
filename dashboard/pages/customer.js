/** One customer's story: who it is, what it pays and owes, what comes next, and everything that happened. */

import { html } from "../vendor/preact.js";
import { every, useApi } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { useTask } from "../lib/task.js";
import { cardWords, isExpired } from "../ui/customer_field.js";
import { NextInvoice } from "../ui/figures.js";
import { Action, Badge, Empty, Facts, Heading, Id, Loaded, Money, Section } from "../ui/parts.js";
import { quantityWords, StateBadges, Why } from "../ui/subscription_words.js";
import { tabOf, Tabs } from "../ui/tabs.js";
import { CustomerCards } from "./customer_cards.js";
import { CustomerDetails } from "./customer_details.js";
import { CustomerInvoices, CustomerPayments, CustomerSubscriptions } from "./customer_lists.js";
import { Story } from "./customer_story.js";
import { useNow } from "./movements.js";
import { newSubscription } from "./subscription_new.js";

const TABS = [["story", "Story"], ["invoices", "Invoices"], ["subscriptions", "Subscriptions"], ["payments", "Payments"], ["cards", "Cards"], ["details", "Details"]];
const SHOWN = 5; // subscriptions with their next invoice

export default function CustomerPage({ id }) {
  const customer = useApi(`/v1/customers/${id}`);
  return html`<${Loaded} from=${customer}>${(of) => html`<${Customer} of=${of} reload=${customer.reload} />`}<//>`;
}

/** What the header is made of; each is all there is, for sums of a part would be wrong. */
async function standing(id) {
  const [subscriptions, open, methods] = await Promise.all([
    every("/v1/subscriptions", { customer: id }), every("/v1/invoices", { customer: id, status: "open", view: "summary" }), every("/v1/payment-methods", { customer: id }),
  ]);
  return { subscriptions, open, methods, asOf: new Date().toISOString() };
}

function Customer({ of, reload }) {
  const known = useTask(() => standing(of.id), [of.id, of.version]);
  const balance = useApi(`/v1/customers/${of.id}/balance`);
  const { now } = useNow(of);
  const tab = tabOf(TABS);
  const gone = of.deletedAt ? "It was erased." : null;
  return html`
    <${Heading} title=${of.name || "Erased customer"}>
      <${Action} scope="subscriptions:manage" primary unless=${gone} onClick=${() => newSubscription(of)}>New subscription<//><//>
    ${of.deletedAt && html`<p class="warn">Erased <${Time} at=${of.deletedAt} />. ${of.erasedAt ? "Nothing personal is left" : "What was copied is still being removed"}${of.documentsKeptUntil ? html` but on its documents, which are kept until <${Time} at=${of.documentsKeptUntil} />` : ""}.</p>`}
    <${Facts} rows=${[
      ["State", known.data && html`<${State} of=${of} known=${known.data} />`],
      ["MRR: a month, before tax", known.data && html`<${Mrr} of=${of} subscriptions=${known.data.subscriptions} />`],
      ["To pay, on open invoices", known.data && html`<${Due} of=${of} open=${known.data.open} />`],
      ["Balance", balance.data && html`<${Money} of=${balance.data.amount} in=${balance.data.currency} />${balance.data.amount === 0 ? "" : balance.data.amount > 0 ? ", used before a card is charged" : ", asked for with the next invoice"}`],
      ["Default card", known.data && html`<${DefaultCard} of=${of} methods=${known.data.methods} now=${now} />`],
      ["Email", of.email], ["Zone of its periods and documents", of.timezone], ["Currency", of.currency],
      ["Test clock", of.testClockId && html`<a href=${href(`/test-clocks/${of.testClockId}`)}>${of.testClockId}</a>${now ? html`, its time is <${Time} at=${now.toISOString()} />` : ""}`],
      ["Your own id", of.externalId], ["Id", html`<${Id} id=${of.id} />`],
    ]} />
    <${Loaded} from=${known}>${({ asOf }) => html`<p class="quiet">Sums as of <${Time} at=${asOf} />; an amount of each currency is by itself.</p>`}<//>
    <${Tabs} tabs=${TABS} />
    ${tab === "story" && known.data && html`<${Now} of=${of} known=${known.data} /><${Story} customer=${of} subscriptions=${known.data.subscriptions} />`}
    ${tab === "invoices" && html`<${CustomerInvoices} customer=${of} />`}
    ${tab === "subscriptions" && html`<${CustomerSubscriptions} customer=${of} />`}
    ${tab === "payments" && html`<${CustomerPayments} customer=${of} />`}
    ${tab === "cards" && html`<${CustomerCards} customer=${of} methods=${known} now=${now} reload=${reload} />`}
    ${tab === "details" && html`<${CustomerDetails} customer=${of} reload=${reload} />`}`;
}

function State({ of, known: { subscriptions, open } }) {
  if (of.deletedAt) return html`<${Badge} state="erased" />`;
  const states = subscriptions.map((each) => each.state);
  const first = ["past_due", "incomplete", "paused", "trialing", "active"].find((each) => states.includes(each));
  if (first) return html`<${Badge} state=${first} />`;
  if (open.length > 0) return html`<${Badge} state="open" text="has open invoices" />`;
  return html`<${Badge} state="none" text=${states.length > 0 ? "no subscription any more" : "no subscription yet"} />`;
}

/** What it pays a month: the same sum as in the report of MRR. */
function Mrr({ of, subscriptions }) {
  const counted = subscriptions.filter((each) => each.mrr !== null);
  return html`<${Money} of=${counted.reduce((sum, each) => sum + each.mrr, 0)} in=${of.currency} />`;
}

function Due({ of, open }) {
  const sums = new Map([[of.currency, 0]]);
  for (const each of open) sums.set(each.currency, (sums.get(each.currency) ?? 0) + each.amountDue);
  return html`${[...sums].filter(([currency, sum]) => sum !== 0 || currency === of.currency).map(([currency, sum]) => html`<${Money} of=${sum} in=${currency} /> `)}
    ${open.length > 0 && html`<span class="quiet">on ${open.length}</span>`}`;
}

function DefaultCard({ of, methods, now }) {
  const method = methods.find((each) => each.id === of.defaultPaymentMethodId);
  if (!method) return html`<span class="quiet">none: nothing can be charged by itself</span>`;
  return html`${cardWords(method)}${now && isExpired(method.card, now) && html` <${Badge} state="failed" text="expired" />`}`;
}

function Now({ of, known: { subscriptions, open } }) {
  const running = subscriptions.filter((each) => each.state !== "canceled");
  if (running.length === 0) {
    return !of.deletedAt && html`<${Section} title="Now"><${Empty} title="It has no subscription that runs.">“New subscription” above begins one.<//><//>`;
  }
  return html`<${Section} title="Now">
    ${running.slice(0, SHOWN).map((each) => html`<div class="standing" key=${each.id}>
      <h3><a href=${href(`/subscriptions/${each.id}`)}>${each.planId}</a> ${quantityWords(each.itemQuantities)} <${StateBadges} subscription=${each} /></h3>
      <p><${Why} subscription=${each} invoices=${open} /></p>
      ${each.state !== "incomplete" && html`<${NextInvoice} subscriptionId=${each.id} version=${each.version} folded />`}</div>`)}
    ${running.length > SHOWN && html`<p><a href=${href(`/customers/${of.id}`, { tab: "subscriptions" })}>All ${running.length} subscriptions</a></p>`}<//>`;
}
