/** A customer's saved cards. */

import { html } from "../vendor/preact.js";
import { Time } from "../lib/dates.js";
import { me } from "../lib/session.js";
import { cardWords, isExpired } from "../ui/customer_field.js";
import { Rows } from "../ui/list.js";
import { Action, Badge, Copy, Empty, Facts, Id, Loaded, Section } from "../ui/parts.js";

const SCOPE = "payments:process";

/** @param {{customer: object, methods: object, now: Date|null, reload: () => void}} props methods: the task whose data has them */
export function CustomerCards({ customer, methods, now, reload }) {
  const again = () => { methods.reload(); reload(); };
  const gone = customer.deletedAt ? "The customer was erased." : null;
  const add = html`<${Action} scope=${SCOPE} primary unless=${gone} dialog=${() => setUp(customer)}>Add a card<//>`;
  const isDefault = (row) => row.id === customer.defaultPaymentMethodId;
  return html`<${Section} title="Saved cards" actions=${add}><${Loaded} from=${methods}>${({ methods: rows, subscriptions }) => (rows.length === 0
    ? html`<${Empty} title="No card is saved.">Its payer saves one in a form: “Add a card” gives what the form needs. Without one, invoices wait to be paid by hand.<//>`
    : html`<${Rows} rows=${rows} caption="Saved cards" columns=${[
      { title: "Card", cell: (row) => html`${cardWords(row)} ${now && isExpired(row.card, now) && html`<${Badge} state="failed" text="expired" />`}` },
      { title: "Default", cell: (row) => isDefault(row) && html`<${Badge} state="ready" text="default" />` },
      { title: "Saved", cell: (row) => html`<${Time} at=${row.createdAt} />` },
      { title: "Id", cell: (row) => html`<${Id} id=${row.id} />` },
      { title: "Actions", cell: (row) => html`<div class="actions">
        <${Action} scope=${SCOPE} unless=${gone ?? (isDefault(row) ? "It is the default." : null)} dialog=${() => makeDefault(row, again)}>Make default<//>
        <${Action} scope=${SCOPE} danger dialog=${() => remove(row, rows, subscriptions, isDefault(row), again)}>Remove<//></div>` },
    ]} />`)}<//><//>`;
}

function makeDefault(row, again) {
  return {
    title: `Make ${cardWords(row)} the default`, path: `/v1/payment-methods/${row.id}/set-default`, body: null, submit: "Make default", done: again, said: "It is the default",
    text: "It is charged from now on for every subscription that has no card of its own, and for invoices that are tried again.",
  };
}

function remove(row, rows, subscriptions, isDefault, again) {
  const using = subscriptions.filter((each) => each.paymentMethodId === row.id && each.state !== "canceled").length;
  const others = rows.length - 1;
  return {
    title: `Remove ${cardWords(row)}`, method: "DELETE", path: `/v1/payment-methods/${row.id}`, body: null, danger: true, submit: "Remove", done: again, said: "The card is removed",
    text: html`<p>It is gone for good, here and at Stripe; the payer would have to type it in again. Charges that are under way go on.</p>
      ${using > 0 && html`<p>${using} ${using === 1 ? "subscription is" : "subscriptions are"} charged to it, and then to the default.</p>`}
      ${others === 0 ? html`<p><strong>It is the last card: nothing can be charged by itself then, and renewals become past due.</strong></p>` : isDefault && html`<p>The newest other card becomes the default.</p>`}`,
  };
}

/** The payer types the card into a form of the tenant's own page: the dashboard never sees a number. */
function setUp(customer) {
  return {
    title: "Add a card", path: "/v1/payment-methods/setup", body: () => ({ customerId: customer.id }), submit: "Begin", said: "A card can be saved now",
    text: "The payer types the card into Stripe's form on a page of yours; no card number comes here. This begins it, and gives the secret that the form needs.",
    done: (made) => html`<p>Give this secret to the form (<code>stripe.confirmSetup</code>). When the payer has sent it, the card is here within seconds: load the page again.</p>
      <${Facts} rows=${[["Client secret", html`<code>${made.clientSecret}</code><${Copy} text=${made.clientSecret} what="the client secret" />`], ["SetupIntent", html`<${Id} id=${made.setupIntentId} />`]]} />
      ${me.value.tenant.mode !== "live" && html`<p class="quiet">With a test key a test card is enough: begin a subscription by the API with <code>"paymentMethodId": "pm_card_visa"</code>, and it is saved.</p>`}`,
  };
}
