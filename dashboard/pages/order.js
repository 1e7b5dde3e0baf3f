/** One order: who gets what of it, its payment, what came back. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { micros } from "../ui/form.js";
import { Rows } from "../ui/list.js";
import { Action, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";

export default function Order({ id }) {
  const order = useApi(`/v1/commerce/orders/${id}`, {});
  return html`<${Loaded} from=${order}>${(data) => html`<${Shown} order=${data} reload=${order.reload} />`}<//>`;
}

/** Why money cannot go back now, or null. */
function notRefundable(order) {
  if (!["paid", "partially_refunded"].includes(order.status)) return `The order is ${order.status.replaceAll("_", " ")}.`;
  if (order.refundDeadlineAt && new Date(order.refundDeadlineAt) < new Date()) return "The refund window has passed.";
  return null;
}

function refund(order, done) {
  const left = order.total - order.amountRefunded;
  const open = order.items.filter((each) => each.quantity > each.quantityRefunded);
  return {
    title: "Refund", path: `/v1/commerce/orders/${order.id}/refund`, danger: true, done, said: "The refund was made",
    text: `${money(left, order.currency)} are left. Of each item its provider gives back its part, and you your commission.`,
    fields: [
      { name: "what", label: "What", type: "select", options: [["all", "all that is left"], ["amount", "an amount"], ...open.map((each) => [each.id, `${each.quantity - each.quantityRefunded} × ${each.description}`])] },
      { name: "amount", label: "Amount", type: "money", currency: order.currency, required: true, when: (values) => values.what === "amount" },
      { name: "reason", label: "Reason" },
    ],
    body: ({ what, amount, reason }) => ({ ...sent(order, what, amount, left), ...(reason && { reason }) }),
  };
}

function sent(order, what, amount, left) {
  if (what === "all") return { amount: left };
  if (what === "amount") return { amount: micros(amount, order.currency) };
  const item = order.items.find((each) => each.id === what);
  return { items: [{ itemId: item.id, quantity: item.quantity - item.quantityRefunded }] };
}

function Shown({ order, reload }) {
  const amount = (value) => money(value, order.currency);
  const cancel = {
    title: "Cancel the order", path: `/v1/commerce/orders/${order.id}/cancel`, body: () => ({}), danger: true, done: reload,
    text: "It cannot be paid any more. Nothing was paid yet.",
  };
  return html`<${Heading} title=${`Order over ${amount(order.total)}`} badge=${order.status}>
      <${Action} scope="payments:process" unless=${notRefundable(order)} dialog=${() => refund(order, reload)}>Refund<//>
      <${Action} scope="billing:write" danger unless=${order.status === "pending" ? null : `The order is ${order.status.replaceAll("_", " ")}.`} dialog=${cancel}>Cancel<//><//>
    <${Facts} rows=${[
      ["Id", html`<${Id} id=${order.id} />`], ["Customer", html`<a href=${href(`/customers/${order.customerId}`)}>${order.customerId}</a>`],
      ["Payment", order.paymentId && html`<a href=${href(`/payments/${order.paymentId}`)}>${order.paymentId}</a>`], ["Region", order.region], ["Coupon", order.couponCode],
      ["Made", html`<${Time} at=${order.createdAt} />`], ["Paid", order.paidAt && html`<${Time} at=${order.paidAt} />`],
      ["Can be paid until", order.status === "pending" && html`<${Time} at=${order.expiresAt} />`], ["Can be refunded until", order.refundDeadlineAt && html`<${Time} at=${order.refundDeadlineAt} />`],
      ["Disputed", order.disputed && "The payer's bank holds the money."], ["Lost to disputes", order.amountLost ? amount(order.amountLost) : null],
    ]} />
    <${Section} title="Who gets what">
      <${Rows} rows=${order.items} caption="Items of the order" columns=${[
        { title: "Item", cell: (row) => html`${row.quantity} × ${row.description} <code class="quiet">${row.sku}</code>` },
        { title: "Provider", cell: (row) => (row.providerTenantId ? html`<code>${row.providerTenantId}</code>` : "yourself") },
        { title: "Price", number: true, cell: (row) => amount(row.gross) },
        { title: "Discount", number: true, cell: (row) => amount(-row.discount) },
        { title: "Tax", number: true, cell: (row) => amount(row.tax) },
        { title: "Commission", number: true, cell: (row) => amount(row.commission) },
        { title: "Provider gets", number: true, cell: (row) => amount(row.earning) },
        { title: "Refunded", number: true, cell: (row) => (row.amountRefunded ? amount(row.amountRefunded) : "") },
      ]} /><//>
    <${Section} title="Total"><${Facts} rows=${[["Subtotal", amount(order.subtotal)], ["Discount", amount(-order.discount)], ["Tax", amount(order.tax)], ["Total", amount(order.total)], ["Refunded", amount(order.amountRefunded)]]} />
      ${order.taxNotes.map((each) => html`<p class="quiet">${each}</p>`)}<//>`;
}
