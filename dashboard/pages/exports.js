/** Everything out, and another system's things in. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { call, curl, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { filterBy, query } from "../lib/router.js";
import { Action, ApiCall, Badge, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";

const KINDS = ["customers", "plans", "subscriptions", "invoices", "invoice-lines", "credit-notes", "payments", "ledger"];
const ENDED = ["done", "failed", "expired"];

const EXPORT = {
  title: "New export", path: "/v1/exports", submit: "Export", said: "The export is being made", done: (run) => filterBy({ export: run.id }),
  text: "All rows, as the API shows them. The file has personal data; it is gone after a day.",
  fields: [{ name: "kind", label: "What", type: "select", options: KINDS.map((each) => [each, each.replaceAll("-", " ")]) }, { name: "format", label: "As", type: "select", options: [["csv", "CSV"], ["jsonl", "JSON lines"]] },
    { name: "bom", label: "For a spreadsheet that wants a byte order mark", type: "checkbox" }],
};

const IMPORT = {
  title: "New import", path: "/v1/imports", submit: "Look through it", wide: true, said: "It is being looked through", done: (run) => filterBy({ import: run.id }),
  text: "A dry run first: it writes nothing, and says of each row what would become of it.",
  fields: [{ name: "source", label: "From", type: "select", options: [["stripe", "Stripe Billing's objects"], ["ledgerline", "another tenant's exports"]] }, { name: "data", label: "JSON lines, or a list", type: "textarea", required: true, hint: "Less than a megabyte. Longer files: by the API, docs/import.md." }],
  body: ({ source, data }) => ({ source, data, dryRun: true }),
};

export default function Exports() {
  return html`<${Heading} title="Exports and imports"><${Action} scope="billing:admin" dialog=${EXPORT}>New export<//><${Action} scope="billing:admin" dialog=${IMPORT}>New import<//><//>
    ${query.value.get("export") && html`<${Export} id=${query.value.get("export")} />`}
    ${query.value.get("import") && html`<${Import} id=${query.value.get("import")} />`}
    <${Section} title="Look at a run"><p>A run's address is this page's: bookmark it. Its file is there until it says.</p>
      <${ApiCall} text=${curl("POST", "/v1/exports", { body: { kind: "customers", format: "csv" } })} /><//>`;
}

function useRun(path) {
  const [ended, setEnded] = useState(false);
  const run = useApi(path, {}, { everyMs: ended ? null : 2000 });
  useEffect(() => { if (ENDED.includes(run.data?.state)) setEnded(true); }, [run.data?.state]);
  return { run, ended };
}

async function open(path) {
  const { data } = await call("GET", `${path}/file`);
  window.location.assign(data.url); // an attachment: the page stays
}

function Export({ id }) {
  const path = `/v1/exports/${id}`;
  const { run, ended } = useRun(path);
  return html`<${Section} title="Export"><${Loaded} from=${run}>${(data) => html`<${Facts} rows=${[["Run", html`<${Id} id=${data.id} />`], ["What", data.name], ["State", html`<${Badge} state=${data.state} />`], ["Records", data.records], ["Rows", data.rows],
      ["Why", data.reason && words(data.reason)], ["Until", data.expiresAt && html`<${Time} at=${data.expiresAt} />`]]} />
    ${!ended && html`<progress aria-label="Progress"></progress>`}
    <${Action} scope="billing:admin" unless=${data.state === "done" ? null : `It is ${data.state}.`} onClick=${() => open(path)}>Download<//>`}<//><//>`;
}

const mrr = (totals) => Object.entries(totals.mrr).map(([currency, micros]) => money(micros, currency)).join(", ") || "none";

function Import({ id }) {
  const path = `/v1/imports/${id}`;
  const { run, ended } = useRun(path);
  return html`<${Section} title="Import"><${Loaded} from=${run}>${(data) => html`<${Facts} rows=${[["Run", html`<${Id} id=${data.id} />`], ["", data.dryRun ? "Dry run: nothing was written" : "Import"], ["State", html`<${Badge} state=${data.state} />`], ["Records", data.records],
      ...Object.entries(data.verdicts).map(([name, count]) => [words(name.replace(/([A-Z])/g, " $1").toLowerCase()), count]),
      ["Customers before, after", `${data.before.customers}, ${data.after.customers}`], ["Subscriptions before, after", `${data.before.subscriptions}, ${data.after.subscriptions}`], ["MRR before", mrr(data.before)], ["MRR after", mrr(data.after)], ["Why", data.reason && words(data.reason)]]} />
    ${!ended && html`<progress aria-label="Progress"></progress>`}
    <div class="actions"><${Action} scope="billing:admin" unless=${data.state === "done" ? null : `It is ${data.state}.`} onClick=${() => open(path)}>Verdict of each row<//>
      <${Action} scope="billing:admin" primary unless=${data.dryRun && data.state === "done" ? null : "Only after a dry run."} dialog=${() => take(data)}>Import<//></div>`}<//><//>`;
}

function take(dryRun) {
  const { wouldCreate, refused } = dryRun.verdicts;
  return {
    title: "Import", path: "/v1/imports", danger: true, said: "It is being imported", done: (run) => filterBy({ import: run.id }),
    text: `${wouldCreate} would be made, ${refused} are refused. Stop the other system's billing before each subscription's billedUntil.`,
    fields: refused > 0 ? [{ name: "skipRefused", label: "Leave out what is refused", type: "checkbox", required: true }] : [],
    body: ({ skipRefused }) => ({ dryRun: false, dryRunId: dryRun.id, ...(skipRefused && { skipRefused }) }),
  };
}
