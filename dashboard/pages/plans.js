/** Plans and meters. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading } from "../ui/parts.js";
import { everyPeriod, Prices } from "../ui/prices.js";

const EXAMPLE = [
  { key: "base", type: "flat", unitAmount: 10000000 },
  { key: "seats", type: "licensed", model: "per_unit", unitAmount: 1500000 },
];

/** Fields of a plan's prices and rules; those of its identity come before. */
export const PLAN_RULES = [
  { name: "name", label: "Name", required: true },
  { name: "trialDays", label: "Days of trial", type: "number" },
  { name: "prorationUnit", label: "Changes within a period are counted by", type: "select", options: [["second", "the second"], ["day", "the day"]] },
  { name: "taxBehavior", label: "Prices are", type: "select", options: [["exclusive", "without tax"], ["inclusive", "with tax"]] },
  { name: "components", label: "Components", type: "json", required: true,
    hint: "Prices in micro-units: 4999000 is 49.99. Types flat, licensed, metered; models per_unit, graduated, volume, package." },
];

/** The body of these fields. */
export function planBody(values) {
  return {
    name: values.name, prorationUnit: values.prorationUnit, taxBehavior: values.taxBehavior,
    ...(values.trialDays !== "" && { trialDays: Number(values.trialDays) }), components: parsed(values.components),
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // said beside the field
  }
}

const CREATE = {
  title: "New plan", path: "/v1/plans", wide: true, said: "The plan is there",
  fields: [
    { name: "id", label: "Id", required: true, hint: "Such as business-monthly. It stays." },
    { name: "currency", label: "Currency", required: true },
    { name: "interval", label: "Every", type: "select", options: ["month", "year", "week", "day"].map((each) => [each, each]) },
    { name: "intervalCount", label: "Times", type: "number", hint: "3 and month: every three months" },
    ...PLAN_RULES,
  ],
  initial: { currency: "USD", intervalCount: 1, trialDays: 0, components: EXAMPLE },
  body: (values) => ({ id: values.id, currency: values.currency, interval: values.interval, intervalCount: Number(values.intervalCount), ...planBody(values) }),
  done: (plan) => navigate(href(`/plans/${plan.id}`)),
};

export default function Plans() {
  return html`<${Heading} title="Plans"><${Action} scope="billing:write" primary dialog=${CREATE}>New plan<//><//>
    <${List} path="/v1/plans" caption="Plans" rowHref=${(row) => href(`/plans/${row.id}`)}
      filters=${[{ name: "active", label: "State", type: "select", options: [["true", "active"], ["false", "archived"]] }, { name: "catalog", label: "Catalog", type: "select", options: [["tenant", "yours"], ["platform", "the platform's"]] }]}
      columns=${[
        { title: "Plan", cell: (row) => row.name },
        { title: "Id", cell: (row) => html`<code>${row.id}</code> <span class="quiet">version ${row.version}</span>` },
        { title: "Price", cell: (row) => html`<${Prices} plan=${row} />` },
        { title: "Billed", cell: everyPeriod },
        { title: "", cell: (row) => html`<${Badge} state=${row.active ? "active" : "archived"} />` },
        { title: "Made", cell: (row) => html`<${Time} at=${row.createdAt} only="day" />` },
      ]}
      empty=${{ title: "No plans yet.", text: "A plan says what is billed, how often.", curl: curl("POST", "/v1/plans", { body: { id: "business-monthly", name: "Business", currency: "USD", interval: "month", components: EXAMPLE } }) }} />`;
}
