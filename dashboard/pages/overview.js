/** How things stand: six figures, each with what it means, of when it is, and a way to the rows that it is made of. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { instant, isoDay, zone } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href } from "../lib/router.js";
import { me } from "../lib/session.js";
import { Plot } from "../ui/plot.js";
import { Empty, Heading, Problem, Section } from "../ui/parts.js";

/** The first days of months around now in the tenant's zone: first(0) is of this month. */
function months() {
  const [year, month] = isoDay(new Date().toISOString()).split("-").map(Number);
  const index = year * 12 + month - 1;
  return (away) => `${Math.floor((index + away) / 12)}-${String(((index + away) % 12) + 1).padStart(2, "0")}-01`;
}

/** The tenant's own currency first. */
function inOrder(currencies) {
  const own = me.value.tenant.currency;
  return [...new Set(currencies)].sort((one, other) => (other === own) - (one === own) || one.localeCompare(other));
}

const last = (rows, currency) => rows.filter((row) => row.currency === currency).at(-1);

export default function Overview() {
  const first = months();
  const year = { from: first(-11), to: first(1) };
  const month = { from: first(0), to: first(1) };
  const mrr = useApi("/v1/reports/mrr", { ...year, interval: "month" });
  const revenue = useApi("/v1/reports/revenue", { ...month, per: "day" });
  const aging = useApi("/v1/reports/aging", { rows: "currencies" });
  const retention = useApi("/v1/reports/retention", { from: first(-1), to: first(0) });
  const failed = useApi("/v1/invoices", { status: "open", overdue: true, view: "summary", limit: 100 });
  const all = [mrr, revenue, aging, retention, failed];
  const problem = all.find((each) => each.error);
  const rows = (of) => of.data?.rows ?? [];
  const currencies = inOrder([me.value.tenant.currency, ...[mrr, revenue, aging].flatMap((of) => rows(of).map((row) => row.currency))]);
  return html`<${Heading} title="Overview" />
    <p class="quiet">Days and months are of ${zone()}. Customers on a test clock are not in here.</p>
    ${problem && html`<${Problem} error=${problem.error} retry=${problem.reload} />`}
    <div class="cards">
      <${Figure} of=${mrr} name="MRR" to=${href("/reports/mrr-movements", month)} means="What active subscriptions bring a month, after discounts for ever."
        lines=${currencies.map((each) => last(rows(mrr), each) && money(last(rows(mrr), each).end, each))} />
      <${Figure} of=${revenue} name="Net billings this month" to=${href("/reports/revenue", { ...month, by: "customer" })} means="Invoiced less credit notes, without tax."
        lines=${currencies.map((each) => sum(rows(revenue), each, "netAfterCredits"))} />
      <${Figure} of=${revenue} name="Collected this month" to=${href("/reports/revenue", month)} means="Money that came in; refunds are not taken off."
        lines=${currencies.map((each) => sum(rows(revenue), each, "collected"))} />
      <${Figure} of=${aging} name="Owed to you" to=${href("/reports/aging")} means="Open invoices of all customers, less credit that no invoice has taken."
        lines=${currencies.map((each) => last(rows(aging), each) && money(last(rows(aging), each).receivable, each))} />
      <${Figure} of=${failed} name="Overdue invoices" to=${href("/failed-payments")} means="Open, and past their due date."
        lines=${[failed.data && `${failed.data.length}${failed.meta.pagination?.has_more ? "+" : ""}`]} />
      <${Figure} of=${retention} name="Net revenue retention, last month" to=${href("/reports/retention", { from: first(-12), to: first(0) })}
        means="What last month's first-day customers brought at its end, of what they brought at its begin."
        lines=${currencies.map((each) => last(rows(retention), each)?.netRetention && `${percent(last(rows(retention), each).netRetention)} ${each}`)} />
    </div>
    ${currencies.filter((each) => rows(mrr).some((row) => row.currency === each)).map((each) => html`<${Section} key=${each} title=${each}>
      <${Plot} title=${`MRR at the end of each month, ${each}`} currency=${each} at=${of(mrr, each).map((row) => row.to)} series=${[
        { name: "MRR", values: of(mrr, each).map((row) => row.end) }]} />
      <${Plot} title=${`Billed and collected by day, ${each}`} currency=${each} at=${of(revenue, each).map((row) => row.day ?? row.month)} series=${[
        { name: "Net billings", values: of(revenue, each).map((row) => row.netAfterCredits) }, { name: "Collected", values: of(revenue, each).map((row) => row.collected) }]} />
    <//>`)}
    ${mrr.data && rows(mrr).length === 0 && html`<${Empty} title="Nothing is billed yet." curl=${curl("POST", "/v1/customers", { body: { name: "Ada", email: "ada@example.com" } })}>
      Begin with a <a href=${href("/plans")}>plan</a> and a <a href=${href("/customers")}>customer</a>.<//>`}`;
}

const of = (report, currency) => (report.data?.rows ?? []).filter((row) => row.currency === currency);

function sum(rows, currency, name) {
  const mine = rows.filter((row) => row.currency === currency);
  return mine.length === 0 ? null : money(mine.reduce((total, row) => total + BigInt(row[name] ?? 0), 0n), currency);
}

/** "0.9731" -> "97.3 %", by its digits. */
function percent(text) {
  const [whole, behind = ""] = String(text).split(".");
  const tenths = BigInt(whole) * 1000n + BigInt(behind.padEnd(4, "0").slice(0, 4)) / 10n;
  return `${tenths / 10n}.${tenths % 10n} %`;
}

function Figure({ of: answer, name, means, lines, to }) {
  const [main, ...more] = lines.filter(Boolean);
  return html`<div class="card-figure"><div class="quiet">${name}</div>
    <div class="figure">${answer.loading ? "…" : main ?? "—"}</div>
    ${more.map((each) => html`<div>${each}</div>`)}
    <p class="quiet">${means} ${answer.data?.asOf && `As of ${instant(answer.data.asOf)}.`}</p>
    <a href=${to}>What it is made of<span class="hidden">: ${name}</span></a></div>`;
}
