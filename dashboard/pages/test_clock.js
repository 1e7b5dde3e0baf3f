/** One test clock: move it, and see what happened, by simulated day. */

import { html, useState } from "../vendor/preact.js";
import { every, useApi } from "../lib/api.js";
import { day, instant, isoDay, Time, words } from "../lib/dates.js";
import { money } from "../lib/money.js";
import { href, navigate } from "../lib/router.js";
import { me } from "../lib/session.js";
import { midnight } from "../ui/form.js";
import { Action, Facts, Heading, Id, Loaded, Problem, Section } from "../ui/parts.js";

export default function TestClock({ id }) {
  const [since, setSince] = useState(null);
  const clock = useApi(`/v1/test-clocks/${id}`, {}, { everyMs: 2000 });
  if (clock.data === null) return html`<${Loaded} from=${clock}>${() => null}<//>`;
  return html`<${Shown} clock=${clock.data} reload=${clock.reload} since=${since} setSince=${setSince} />`;
}

const DAY_MS = 86_400_000;

function advance(clock, done) {
  const by = (days) => new Date(Date.parse(clock.frozenTime) + days * DAY_MS).toISOString();
  return {
    title: "Advance the clock", path: `/v1/test-clocks/${clock.id}/advance`, submit: "Advance",
    fields: [
      { name: "how", label: "To", type: "select", options: [["1", "a day later"], ["7", "a week later"], ["31", "31 days later"], ["366", "a year and a day later"], ["day", "a day that you choose"]] },
      { name: "day", label: "Day", type: "date", required: true, when: (values) => values.how === "day" },
    ],
    initial: { how: "31" }, text: `It shows ${instant(clock.frozenTime)}.`,
    body: ({ how, day: chosen }) => ({ frozenTime: how === "day" ? midnight(chosen) : by(Number(how)) }), done, said: "The clock is moving",
  };
}

function Shown({ clock, reload, since, setSince }) {
  const live = me.value.tenant.mode === "live" ? "Only a tenant in test mode can move time." : null;
  const moving = clock.status === "advancing" ? "It is moving." : null;
  const remove = {
    title: "Delete the clock", method: "DELETE", path: `/v1/test-clocks/${clock.id}`, body: null, danger: true, done: () => navigate(href("/test-clocks")),
    text: "Its customers and their subscriptions end; their documents stay.",
  };
  return html`<${Heading} title="Test clock" badge=${clock.status}>
      <${Action} scope="billing:write" primary unless=${live ?? moving} dialog=${() => advance(clock, () => { setSince(clock.frozenTime); reload(); })}>Advance<//>
      <${Action} scope="billing:write" danger unless=${moving} dialog=${remove}>Delete<//><//>
    <${Facts} rows=${[["Id", html`<${Id} id=${clock.id} />`], ["Shows", html`<${Time} at=${clock.frozenTime} />`], ["Goes to", clock.targetTime && html`<${Time} at=${clock.targetTime} />`],
      ["Numbers of its documents begin with", clock.series]]} />
    ${moving && html`<p role="status">Everything that is due until <${Time} at=${clock.targetTime} /> is being done, in order.</p><progress aria-label="The clock is moving"></progress>`}
    <${Section} title="What happened"><${Happened} key=${`${clock.frozenTime} ${clock.status}`} clock=${clock} since=${since} /><//>`;
}

/** What its customers' ledger and documents tell, by the day that the clock showed. */
function Happened({ clock, since }) {
  const [rows, setRows] = useState(null);
  const [error, setError] = useState(null);
  if (rows === null && error === null) load(clock).then(setRows, setError);
  if (error) return html`<${Problem} error=${error} />`;
  if (rows === null) return html`<p class="loading" role="status">Loading…</p>`;
  if (rows.length === 0) return html`<p class="quiet">Nothing yet. Make a customer with this clock, subscribe them to a plan, and advance.</p>`;
  const days = Object.entries(Object.groupBy(rows, (row) => isoDay(row.at))).reverse();
  return html`<ol class="timeline">${days.map(([name, each]) => html`<li key=${name}><h3>${day(each[0].at)}${since && each.some((row) => row.at > since) && html` <span class="badge good">new</span>`}</h3>
    <ul class="plain">${each.map((row) => html`<li><${Line} entry=${row.entry} /></li>`)}</ul></li>`)}</ol>`;
}

async function load(clock) {
  const entries = await every("/v1/ledger/entries", { testClock: clock.id }, 1000);
  return entries.map((entry) => ({ at: entry.postedAt, entry }));
}

function Line({ entry }) {
  const total = entry.postings.reduce((sum, each) => sum + Math.max(each.amount, 0), 0);
  const text = `${words(entry.kind)}, ${money(total, entry.currency)}`;
  return entry.invoiceId ? html`<a href=${href(`/invoices/${entry.invoiceId}`)}>${text}</a>` : html`<span>${text}</span>`;
}
