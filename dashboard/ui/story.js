/** Events as a story: newest first, by day, a sentence each; older ones on demand, new ones as they come. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { get, useApi } from "../lib/api.js";
import { day, isoDay, Time } from "../lib/dates.js";
import { Loading, Problem } from "./parts.js";
import { numbersIn, sentence, telling, when } from "./sentences.js";

const PATH = "/v1/events";
const LIMIT = 100;
const LOOK_MS = 5000; // an event has its place in the feed a second or so after its commit

/**
 * Reads events backwards.
 * @param {object} query of GET /v1/events
 * @returns {{events: object[]|null, error: Error|null, older: (() => void)|null, reading: boolean, reload: () => void}}
 *   older: reads on; null at the end
 */
function useEvents(query) {
  const asked = { ...query, order: "newest", limit: LIMIT };
  const newest = useApi(PATH, asked, { everyMs: LOOK_MS });
  const [known, setKnown] = useState({ events: null, cursor: null });
  const [state, setState] = useState({ reading: false, error: null });
  useEffect(() => {
    if (newest.data) setKnown((before) => joined(before, newest.data, newest.meta.pagination.next_cursor));
  }, [newest.data]);
  const older = async () => {
    setState({ reading: true, error: null });
    try {
      const page = await get(PATH, { ...asked, cursor: known.cursor });
      setKnown((before) => ({ events: [...before.events, ...page.data], cursor: page.meta.pagination.next_cursor }));
      setState({ reading: false, error: null });
    } catch (error) {
      setState({ reading: false, error });
    }
  };
  return { events: known.events, error: newest.error ?? state.error, older: known.cursor && older, reading: state.reading, reload: newest.reload };
}

/** What is known, with the newest page: they are joined where they overlap. Where they do not, too much has happened, and it begins anew. */
function joined(before, page, cursor) {
  if (before.events !== null && page.length === 0) return before;
  const ids = new Set((before.events ?? []).map((each) => each.id));
  const fresh = page.filter((each) => !ids.has(each.id));
  if (ids.size === 0 || (fresh.length > 0 && fresh.length === page.length && cursor)) return { events: page, cursor };
  return fresh.length > 0 ? { ...before, events: [...fresh, ...before.events] } : before;
}

/**
 * @param {{query: object, isNew?: (event) => boolean, empty: any}} props
 *   query: which events, as parameters of GET /v1/events; isNew: which are marked; empty: what is said where there are none
 */
export function EventStory({ query, isNew = () => false, empty }) {
  const { events, error, older, reading, reload } = useEvents(query);
  if (events === null) return error ? html`<${Problem} error=${error} retry=${reload} />` : html`<${Loading} />`;
  const numbers = numbersIn(events);
  return html`
    ${events.length === 0 && !older && empty}
    <ol class="timeline">${byDay(telling(events)).map(([name, those]) => html`<li key=${name}>
      <h3>${day(when(those[0]))}${those.some(isNew) && html` <span class="badge good">new</span>`}</h3>
      <ul class="plain">${those.map((each) => html`<li key=${each.id}><${Time} at=${when(each)} only="time" /> ${sentence(each, numbers)}</li>`)}</ul></li>`)}</ol>
    ${error && html`<${Problem} error=${error} retry=${older ?? reload} />`}
    ${older && html`<p><button type="button" aria-disabled=${reading ? "true" : undefined} onClick=${() => { if (!reading) older(); }}>${reading ? "Reading…" : "Show what was before"}</button></p>`}`;
}

/** Days, newest first; within one in the same order. What was committed in an instant is told as it followed. */
function byDay(events) {
  const ordered = [...events].sort((one, other) => Date.parse(when(other)) - Date.parse(when(one)) || (other.sequence ?? Infinity) - (one.sequence ?? Infinity));
  return [...Map.groupBy(ordered, (each) => isoDay(when(each)))];
}
