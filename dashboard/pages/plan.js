/** One plan: its prices, its versions, who is on it. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href, query } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Badge, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";
import { everyPeriod, PriceWords } from "../ui/prices.js";
import { PLAN_RULES, planBody } from "./plans.js";

export default function Plan({ id }) {
  const version = query.value.get("version");
  const plan = useApi(`/v1/plans/${id}`, { version });
  return html`<${Loaded} from=${plan}>${(data) => html`<${Shown} plan=${data} version=${version} reload=${plan.reload} />`}<//>`;
}

function Shown({ plan, version, reload }) {
  const notOurs = plan.catalog === "tenant" ? null : "This is a plan of the platform's.";
  const change = {
    title: "New version", method: "PATCH", path: `/v1/plans/${plan.id}`, fields: PLAN_RULES, initial: plan, body: planBody, wide: true,
    headers: { "If-Match": `"${plan.version}"` }, said: "There is a new version", done: reload,
    text: "New subscriptions get the new version. Who is on an earlier one stays there until they are changed.",
  };
  const archive = {
    title: "Archive the plan", path: `/v1/plans/${plan.id}/archive`, body: () => ({}), danger: true, done: reload,
    text: "Nobody can subscribe to it any more. Who is on it stays, and is billed as before.",
  };
  return html`<${Heading} title=${plan.name} badge=${plan.active ? "active" : "archived"}>
      <${Action} scope="billing:write" unless=${notOurs ?? (version ? "This is an earlier version." : null)} dialog=${change}>New version<//>
      <${Action} scope="billing:write" danger unless=${notOurs ?? (plan.active ? null : "It is archived.")} dialog=${archive}>Archive<//>
    <//>
    <${Facts} rows=${[
      ["Id", html`<${Id} id=${plan.id} />`], ["Version", plan.version], ["Currency", plan.currency], ["Billed", everyPeriod(plan)], ["Trial", plan.trialDays ? `${plan.trialDays} days` : "none"],
      ["Changes are counted by", `the ${plan.prorationUnit}`], ["Prices are", plan.taxBehavior === "inclusive" ? "with tax" : "without tax"],
      ["A pause", plan.pauseBilling === "credit" ? "gives back what is left of the period" : "keeps what was billed"], ["Made", html`<${Time} at=${plan.createdAt} />`],
    ]} />
    <${Section} title="Prices"><${PriceWords} plan=${plan} /><//>
    <${Section} title="Versions"><ul class="plain">${Array.from({ length: Math.max(plan.version, Number(version ?? 0)) }, (_, index) => index + 1).map((each) => html`<li>
      ${each === plan.version ? html`<strong>Version ${each}</strong>` : html`<a href=${href(`/plans/${plan.id}`, { version: each })}>Version ${each}</a>`}</li>`)}
      ${version && html`<li><a href=${href(`/plans/${plan.id}`)}>The newest version</a></li>`}</ul><//>
    <${Section} title="Who is on it">
      <${List} path="/v1/subscriptions" caption="Subscriptions of this plan" fixed=${{ plan: plan.id, view: "summary", expand: "customer" }} rowHref=${(row) => href(`/subscriptions/${row.id}`)}
        columns=${[
          { title: "Customer", cell: (row) => row.customer?.name ?? row.customerId },
          { title: "", cell: (row) => html`<${Badge} state=${row.state} />` },
          { title: "Version", cell: (row) => row.planVersion },
          { title: "Quantities", cell: (row) => Object.entries(row.itemQuantities).map(([key, value]) => `${value} ${key}`).join(", ") },
          { title: "Period ends", cell: (row) => html`<${Time} at=${row.currentPeriod.end} only="day" />` },
        ]} empty=${{ title: "Nobody is on this plan." }} /><//>`;
}
