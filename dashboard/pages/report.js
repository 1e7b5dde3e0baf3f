/** One report: what was asked in the URL, the table, the file, and the progress of one that is too long for a request. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { call, curl, download, useApi } from "../lib/api.js";
import { instant, isoDay, Time, words } from "../lib/dates.js";
import { grouped, money } from "../lib/money.js";
import { filterBy, href, query } from "../lib/router.js";
import { Field } from "../ui/form.js";
import { Action, ApiCall, Badge, Empty, Heading, Id, Loading, Problem } from "../ui/parts.js";
import { REPORTS } from "./report_list.js";

const SECOND_MS = 1000;

export default function Report({ name }) {
  const report = REPORTS[name];
  if (!report) return html`<${Heading} title="There is no such report" /><p><a href=${href("/reports")}>All reports</a></p>`;
  return html`<${Shown} name=${name} report=${report} />`;
}

/** What the URL asks for; a period that it leaves out is the last twelve months, to the end of this one. */
function asked(report) {
  const given = Object.fromEntries(report.filters.map((each) => [each.name, query.value.get(each.name)]));
  const now = isoDay(new Date().toISOString());
  const [year, month] = now.split("-").map(Number);
  const first = (at) => `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, "0")}-01`;
  const index = year * 12 + month - 1;
  for (const each of report.filters) {
    if (given[each.name] || each.type !== "date") continue;
    if (each.name === "from") given.from = first(index - 11);
    if (each.name === "to" || each.name === "until") given[each.name] = first(index + 1);
  }
  return given;
}

function Shown({ name, report }) {
  const parameters = asked(report);
  const path = `/v1/reports/${name}`;
  const answer = useApi(path, parameters);
  const isRun = answer.status === 202;
  return html`<${Heading} title=${report.title}>
      ${report.csv !== false && html`<${Action} onClick=${() => file(path, "csv", parameters)}>CSV<//>
      <${Action} onClick=${() => file(path, "pdf", parameters)}>PDF<//>`}
    <//>
    <p>${report.text} <a href=${href("/reports")}>All reports</a></p>
    <form class="filters" role="search" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
      ${report.filters.map((each) => html`<${Asked} key=${each.name} spec=${each} value=${parameters[each.name] ?? ""} />`)}
    </form>
    ${answer.error && html`<${Problem} error=${answer.error} retry=${answer.reload} />`}
    ${!answer.error && answer.data === null && html`<${Loading} />`}
    ${answer.data && (isRun ? html`<${Run} key=${answer.data.id} run=${answer.data} done=${answer.reload} />` : html`<${Told} data=${answer.data} />`)}
    <${ApiCall} text=${curl("GET", path, { query: parameters })} />`;
}

function Asked({ spec, value }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const field = { ...spec, required: true, options: spec.options && [["", "—"], ...spec.options], type: spec.type === "instant" ? "text" : spec.type };
  if (spec.options || spec.type === "date") return html`<${Field} field=${field} value=${value} onChange=${(next) => filterBy({ [spec.name]: next || null })} />`;
  const apply = () => { if (typed !== value) filterBy({ [spec.name]: typed.trim() || null }); };
  return html`<div onfocusout=${apply} onKeyDown=${(event) => { if (event.key === "Enter") apply(); }}><${Field} field=${field} value=${typed} onChange=${setTyped} /></div>`;
}

/** A short file comes at once; a long one is a run, which is shown on the page of the report. */
async function file(path, kind, parameters) {
  const { data, status } = await call("GET", `${path}.${kind}`, { query: parameters, as: "blob", headers: { Accept: "*/*" } });
  if (status === 202) {
    const run = JSON.parse(await data.text()).data;
    filterBy({ run: run.id });
    return;
  }
  await download(`${path}.${kind}`, `${path.split("/").at(-1)}.${kind}`, parameters);
}

/** A run's progress, until its file is there. */
export function Run({ run: first }) {
  const [ended, setEnded] = useState(false);
  const { data } = useApi(`/v1/report-runs/${first.id}`, {}, { everyMs: ended ? null : 2 * SECOND_MS });
  const run = data ?? first;
  useEffect(() => { if (["done", "failed", "expired"].includes(run.state)) setEnded(true); }, [run.state]);
  const open = async () => {
    const link = await call("GET", `/v1/report-runs/${run.id}/file`);
    window.location.assign(link.data.url); // an attachment: the page stays
  };
  return html`<div class="card-figure" role="status">
    <p>This is too long for one request, so a worker makes a file of it. <${Badge} state=${run.state} /></p>
    ${!ended && html`<progress aria-label="Progress"></progress>`}
    <p>${grouped(run.records)} records read, ${grouped(run.rows)} rows written${run.bytes ? `, ${Math.ceil(run.bytes / 1024)} KB` : ""}. Run <${Id} id=${run.id} /></p>
    ${run.reason && html`<p class="wrong">${words(run.reason)}</p>`}
    ${run.state === "done" && html`<button type="button" class="primary" onClick=${open}>Download</button> <span class="quiet">until <${Time} at=${run.expiresAt} /></span>`}
  </div>`;
}

function Told({ data }) {
  const table = data.columns ? data : trialBalance(data);
  const zone = data.timezone ? ` Days are of ${data.timezone}.` : "";
  return html`<p class="quiet">As of <${Time} at=${data.asOf} />.${zone} ${data.from && `From ${data.from} to ${data.to}, not included.`}</p>
    ${table.rows.length === 0 ? html`<${Empty} title="Nothing was posted that this tells of." />` : html`<${Table} table=${table} />`}
    ${table.columns.some((each) => each.description) && html`<details><summary>What the columns mean</summary><dl class="facts">
      ${table.columns.filter((each) => each.description).map((each) => html`<div><dt>${title(each.name)}</dt><dd>${each.description}</dd></div>`)}</dl></details>`}`;
}

/** The trial balance has a form of its own. */
function trialBalance(data) {
  if (!data.accounts) return { columns: Object.keys(data).map((name) => ({ name, kind: "text", description: "" })), rows: [flat(data)] };
  const columns = [["account", "text"], ["currency", "text"], ["debit", "amount"], ["credit", "amount"], ["balance", "amount"]];
  return { columns: columns.map(([name, kind]) => ({ name, kind, description: "" })), rows: data.accounts };
}

const flat = (data) => Object.fromEntries(Object.entries(data).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : value]));

/** "churnVoluntary" -> "Churn voluntary". */
function title(name) {
  const apart = name.replace(/([A-Z0-9]+)/g, " $1").toLowerCase();
  return apart[0].toUpperCase() + apart.slice(1);
}

const PLACES = { customerId: "/customers", subscriptionId: "/subscriptions", invoiceId: "/invoices" };

function cell(column, row) {
  const value = row[column.name];
  if (value === null || value === undefined) return html`<span class="quiet">—</span>`;
  if (column.kind === "amount") return money(value, row.currency).replace(` ${row.currency}`, "");
  if (column.kind === "time") return instant(value);
  if (column.name in PLACES) return html`<a href=${href(`${PLACES[column.name]}/${value}`)}>${value}</a>`;
  return String(value);
}

const NUMBERS = ["amount", "integer", "decimal"];
const look = (column) => (NUMBERS.includes(column.kind) ? "number" : ["date", "time"].includes(column.kind) ? "whole" : "");

function Table({ table }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="The report"><table>
    <caption class="hidden">The report</caption>
    <thead><tr>${table.columns.map((each) => html`<th scope="col" class=${look(each)}>${title(each.name)}</th>`)}</tr></thead>
    <tbody>${table.rows.map((row) => html`<tr>${table.columns.map((each, index) => (index === 0
      ? html`<th scope="row" class=${look(each)}>${cell(each, row)}</th>` : html`<td class=${look(each)}>${cell(each, row)}</td>`))}</tr>`)}</tbody>
  </table></div>`;
}
