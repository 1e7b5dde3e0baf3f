/** A one-off invoice, made by hand. */

import { html } from "../vendor/preact.js";
import { call, newKey } from "../lib/api.js";
import { digits } from "../lib/money.js";
import { href, navigate } from "../lib/router.js";
import { me } from "../lib/session.js";
import { micros } from "./form.js";
import { InvoicePreview } from "./invoice_parts.js";

const MOST_LINES = 20; // more are no dialog any more; the API takes more

/** A line's fields; `n`, where there are several, is in their names. */
export function LINE_FIELDS(currency, n = "", more = {}) {
  const title = n === "" ? "" : `Line ${n}: `;
  const required = more.when === undefined;
  return [
    { name: `description${n}`, label: `${title}${title ? "what" : "What"} it is for`, required, ...more },
    { name: `quantity${n}`, label: `${title}${title ? "q" : "Q"}uantity`, required: true, hint: "A number, such as 2 or 2.5.", ...filledIn(more, n) },
    { name: `unitAmount${n}`, label: `${title}${title ? "p" : "P"}rice of one`, type: "money", currency, finer: 3, required: true, ...filledIn(more, n) },
    { name: `ratePercent${n}`, label: `${title}${title ? "t" : "T"}ax in percent`, hint: "Only to fix a rate; empty: the tenant's tax settings decide.", ...filledIn(more, n) },
  ];
}

/** What belongs to a line that is not the first one is shown when the line has a description. */
function filledIn(more, n) {
  return more.when ? { ...more, when: (values) => more.when(values) && values[`description${n}`].trim() !== "" } : more;
}

/** A line as the API takes it. */
export function lineBody(values, currency, n = "") {
  const rate = values[`ratePercent${n}`].trim();
  return {
    description: values[`description${n}`].trim(), quantity: values[`quantity${n}`].trim(), unitAmount: micros(values[`unitAmount${n}`], currency, 3),
    ...(rate && { taxes: [{ name: "Tax", ratePercent: rate }] }),
  };
}

/** The dialog; `customerId` where it is for somebody known. */
export function newInvoiceDialog({ customerId = "", currency = me.value.tenant.currency } = {}) {
  const numbers = Array.from({ length: MOST_LINES }, (_, index) => index + 1);
  const shown = (n) => (n === 1 ? {} : { when: (values) => values[`description${n - 1}`].trim() !== "" });
  const chosen = (values) => values.currency;
  const fields = [
    { name: "customerId", label: "Customer", required: true, hint: "The id, which begins with cus_." },
    { name: "currency", label: "Currency", type: "select", required: true, options: Object.keys(digits.value).sort().map((code) => [code, code]), hint: "The customer's." },
    ...numbers.flatMap((n) => LINE_FIELDS(chosen, n, shown(n))),
    { name: "taxBehavior", label: "Prices", type: "select", required: true, options: [["exclusive", "Tax comes on top"], ["inclusive", "Tax is included"]] },
    { name: "couponCode", label: "Coupon" },
    { name: "poNumber", label: "Purchase order number" },
    { name: "netTermsDays", label: "Days to pay", type: "number", hint: "Empty: the customer's own." },
    { name: "autoFinalize", label: "Finalize it now", type: "checkbox", hint: "Else it is a draft, which can be changed." },
    { name: "autoCharge", label: "Charge the customer's card once it is finalized", type: "checkbox" },
  ];
  const body = (values) => ({
    customerId: values.customerId.trim(), currency: values.currency,
    lines: numbers.filter((n) => n === 1 || values[`description${n}`].trim()).map((n) => lineBody(values, values.currency, n)),
    taxBehavior: values.taxBehavior, autoFinalize: values.autoFinalize, autoCharge: values.autoCharge,
    ...(values.couponCode.trim() && { couponCode: values.couponCode.trim() }),
    ...(values.poNumber.trim() && { poNumber: values.poNumber.trim() }),
    ...(values.netTermsDays.trim() && { netTermsDays: Number(values.netTermsDays) }),
  });
  return {
    title: "New invoice", path: "/v1/invoices", fields, body, submit: "Make the invoice", wide: true, said: "The invoice is there",
    initial: { customerId, currency, ...Object.fromEntries(numbers.map((n) => [`quantity${n}`, "1"])) },
    preview: async (values) => {
      const { data } = await call("POST", "/v1/invoices/preview", { body: body(values), key: newKey() });
      const then = !values.autoFinalize ? "It will be a draft." : values.autoCharge ? "It is finalized and the card is charged at once." : "It is finalized at once.";
      return html`<${InvoicePreview} invoice=${data} /><p>${then}</p>`;
    },
    done: (invoice) => navigate(href(`/invoices/${invoice.id}`)),
  };
}
