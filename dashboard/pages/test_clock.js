/** One test clock: move it, and see what happened, by simulated day. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { instant, Time, zone } from "../lib/dates.js";
import { filterBy, href, navigate, query } from "../lib/router.js";
import { me } from "../lib/session.js";
import { midnight } from "../ui/form.js";
import { Action, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";
import { EventStory } from "../ui/story.js";

export default function TestClock({ id }) {
  const clock = useApi(`/v1/test-clocks/${id}`, {}, { everyMs: 2000 });
  if (clock.data === null) return html`<${Loaded} from=${clock}>${() => null}<//>`;
  return html`<${Shown} clock=${clock.data} reload=${clock.reload} />`;
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

function Shown({ clock, reload }) {
  const live = me.value.tenant.mode === "live" ? "Only a tenant in test mode can move time." : null;
  const moving = clock.status === "advancing" ? "It is moving." : null;
  const remove = {
    title: "Delete the clock", method: "DELETE", path: `/v1/test-clocks/${clock.id}`, body: null, danger: true, done: () => navigate(href("/test-clocks")),
    text: "Its customers and their subscriptions end; their documents stay.",
  };
  return html`<${Heading} title="Test clock" badge=${clock.status}>
      <${Action} scope="billing:write" primary unless=${live ?? moving} dialog=${() => advance(clock, () => { filterBy({ since: clock.frozenTime }, { replace: true }); reload(); })}>Advance<//>
      <${Action} scope="billing:write" danger unless=${moving} dialog=${remove}>Delete<//><//>
    <${Facts} rows=${[["Id", html`<${Id} id=${clock.id} />`], ["Shows", html`<${Time} at=${clock.frozenTime} />`], ["Goes to", clock.targetTime && html`<${Time} at=${clock.targetTime} />`],
      ["Numbers of its documents begin with", clock.series]]} />
    ${moving && html`<${Moving} clock=${clock} />`}
    <${Section} title="What happened"><${Happened} clock=${clock} /><//>`;
}

/** How far it is: the newest event of its customers says. */
function Moving({ clock }) {
  const last = useApi("/v1/events", { testClock: clock.id, order: "newest", limit: 1 }, { everyMs: 2000 });
  const [from, to] = [clock.frozenTime, clock.targetTime].map((each) => Date.parse(each));
  const at = Math.max(from, Date.parse(last.data?.[0]?.occurredAt ?? clock.frozenTime));
  return html`<p role="status">Everything that is due until <${Time} at=${clock.targetTime} /> is being done, in order.</p>
    <progress aria-label="The clock is moving" value=${at - from} max=${to - from}></progress>
    <p class="quiet">${at > from ? html`The last thing so far happened on <${Time} at=${new Date(at).toISOString()} />.` : "Nothing has happened yet."}</p>`;
}

/** What happened in its time, by the day that it showed. */
function Happened({ clock }) {
  const since = query.value.get("since");
  return html`<p class="quiet">Newest first, by the day that the clock showed, in ${zone()}.${since && html` What happened after <${Time} at=${since} />, where the last advance began, is marked.`}
      ${" "}<a href=${href("/events", { testClock: clock.id })}>All of its events</a>, which are kept for 30 real days.</p>
    <${EventStory} key=${clock.id} query=${{ testClock: clock.id }} isNew=${(event) => Boolean(since) && event.occurredAt > since}
      empty=${html`<p class="quiet">Nothing yet. Make a customer with this clock, subscribe them to a plan, and advance.</p>`} />`;
}
