/** Coupons. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";
import { micros, midnight } from "../ui/form.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading } from "../ui/parts.js";
import { discount } from "../ui/prices.js";

const isPercent = (values) => values.kind === "percent";
const number = (text) => (text === "" ? undefined : Number(text));

const CREATE = {
  title: "New coupon", path: "/v1/coupons", said: "The coupon is there",
  fields: [
    { name: "code", label: "Code", required: true, hint: "What customers enter." },
    { name: "kind", label: "Takes off", type: "select", options: [["percent", "a percentage"], ["amount", "an amount"]] },
    { name: "percentOff", label: "Percent", required: true, when: isPercent },
    { name: "currency", label: "Currency", required: true, when: (values) => !isPercent(values) },
    { name: "amountOff", label: "Amount", type: "money", required: true, currency: (values) => values.currency || "USD", when: (values) => !isPercent(values) },
    { name: "duration", label: "How often", type: "select", options: [["once", "once"], ["repeating", "for some periods"], ["forever", "for ever"]] },
    { name: "durationPeriods", label: "Periods", type: "number", required: true, when: (values) => values.duration === "repeating" },
    { name: "maxRedemptions", label: "At most in all", type: "number" },
    { name: "maxRedemptionsPerCustomer", label: "At most by a customer", type: "number" },
    { name: "expiresAt", label: "Until, not included", type: "date" },
    { name: "planIds", label: "Only for plans", hint: "Ids with commas between them." },
  ],
  initial: { currency: "USD" },
  body: (values) => ({
    code: values.code,
    ...(isPercent(values) ? { percentOff: values.percentOff } : { amountOff: micros(values.amountOff, values.currency), currency: values.currency }),
    duration: values.duration, ...(values.duration === "repeating" && { durationPeriods: number(values.durationPeriods) }),
    maxRedemptions: number(values.maxRedemptions), maxRedemptionsPerCustomer: number(values.maxRedemptionsPerCustomer), expiresAt: midnight(values.expiresAt),
    planIds: values.planIds ? values.planIds.split(",").map((each) => each.trim()).filter(Boolean) : undefined,
  }),
  done: (coupon) => navigate(href(`/coupons/${encodeURIComponent(coupon.code)}`)),
};

export default function Coupons() {
  return html`<${Heading} title="Coupons"><${Action} scope="billing:write" primary dialog=${CREATE}>New coupon<//><//>
    <${List} path="/v1/coupons" caption="Coupons" rowHref=${(row) => href(`/coupons/${encodeURIComponent(row.code)}`)}
      columns=${[
        { title: "Code", cell: (row) => row.code },
        { title: "What", cell: discount },
        { title: "", cell: (row) => html`<${Badge} state=${row.active ? "active" : "ended"} />` },
        { title: "Redeemed", number: true, cell: (row) => `${row.timesRedeemed ?? "—"}${row.maxRedemptions ? ` of ${row.maxRedemptions}` : ""}` },
        { title: "Expires", cell: (row) => html`<${Time} at=${row.expiresAt} />` },
      ]}
      empty=${{ title: "No coupons yet.", curl: curl("POST", "/v1/coupons", { body: { code: "LAUNCH", percentOff: "25", duration: "once" } }) }} />`;
}
