/** Refunds of a payment. */

import { html } from "../vendor/preact.js";
import { money } from "../lib/money.js";
import { micros } from "./form.js";

/** What is left to refund, in micro-units. Of a disputed payment nothing: Stripe refuses that until the dispute is won. */
export function refundable(payment) {
  return payment.status === "succeeded" && !payment.disputed ? Math.max(0, payment.amount - payment.amountRefunded) : 0;
}

/** Why nothing of a payment can be refunded, or null. */
export function notRefundable(payment) {
  if (payment.status !== "succeeded") return "Only a payment that succeeded is refunded.";
  if (payment.disputed) return "It is disputed: the bank holds the money until that is decided.";
  return refundable(payment) > 0 ? null : "All of it is refunded already.";
}

/** The dialog; `reload` reads the page anew. */
export function refundDialog(payment, reload) {
  const { currency } = payment;
  const left = refundable(payment);
  const amountOf = ({ amount }) => micros(amount, currency) ?? left;
  return {
    title: "Refund", path: `/v1/payments/${payment.id}/refund`, danger: true, said: "The refund is made", changed: reload,
    initial: { amount: left },
    text: `${money(left, currency)} of ${money(payment.amount, currency)} are left to refund.`,
    fields: [
      { name: "amount", label: "Amount", type: "money", currency, required: true },
      { name: "reason", label: "Reason", hint: payment.invoiceId ? "Printed on the credit note that goes with it." : "For your records." },
    ],
    body: (values) => ({ amount: micros(values.amount, currency), ...(values.reason.trim() && { reason: values.reason.trim() }) }),
    check: (values) => {
      const amount = amountOf(values);
      if (amount > left) return { amount: `No more than ${money(left, currency)} is left.` };
      return amount > 0 ? {} : { amount: "More than nothing, please." };
    },
    // The API has no preview of a refund; all of it is known here.
    preview: async (values) => html`<p><strong>${money(amountOf(values), currency)}</strong> goes back to ${payment.card ? `${payment.card.brand} •••• ${payment.card.last4}` : "what was charged"}.
      ${payment.invoiceId && " A credit note on its invoice goes with it."} ${money(left - amountOf(values), currency)} is left after it. It cannot be taken back; Stripe keeps its fee.</p>`,
    done: (refund) => (refund.status === "failed"
      ? html`<p class="warn">The refund did not arrive: ${refund.failureReason ?? "the bank gives no reason"}.${refund.invoiceId ? " The money is in the customer's balance now." : ""}</p>`
      : null),
  };
}
