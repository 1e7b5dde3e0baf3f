/** Lists: filters in the URL, a page at a time, the keyboard, and actions on several rows at once. */

import { html, signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { call, curl, newKey, useApi } from "../lib/api.js";
import { filterBy, href, navigate, path as place, query as filters } from "../lib/router.js";
import { declineOf } from "./declines.js";
import { Field, midnight } from "./form.js";
import { Action, announce, ApiCall, Empty, Id, Loading, Problem } from "./parts.js";

/**
 * A list with its filters.
 * @param {{
 *   path: string, columns: Column[], rowHref?: (row) => string, filters?: FilterSpec[], fixed?: object, limit?: number,
 *   empty: {title: string, text?: any, curl?: string}, bulk?: Bulk[], caption: string, rowId?: (row) => string,
 * }} props
 *   path: of the API; fixed: its parameters that nobody changes; caption: what the table is, for who hears it
 * @typedef {{title: string, cell: (row) => any, number?: boolean}} Column the first one is the row's name
 * @typedef {{name: string, label: string, type?: "text"|"select"|"date"|"day"|"email", options?: Array<[string, string]>}} FilterSpec
 *   name: the API's parameter; a date is sent as its midnight in the tenant's zone, a day as it is
 * @typedef {{title: string, method?: string, path: (row) => string, body?: (row) => object, scope?: string, danger?: boolean, unfinished?: (data) => string|null}} Bulk
 *   unfinished: what is still to come after an answer, or null: it is done
 */
export function List({ path, columns, rowHref, filters: specs = [], fixed = {}, limit = 50, empty, bulk = [], caption, rowId = (row) => row.id }) {
  const given = Object.fromEntries(specs.map((each) => [each.name, sent(each, filters.value.get(each.name))]));
  const asked = { ...fixed, ...given, limit, cursor: filters.value.get("cursor") };
  const page = useApi(path, asked);
  const filtered = specs.some((each) => filters.value.get(each.name));
  return html`
    <${Filters} specs=${specs} />
    <${Outcomes} />
    ${page.error && html`<${Problem} error=${page.error} retry=${page.reload} />`}
    ${!page.error && page.data === null && html`<${Loading} />`}
    ${page.data?.length === 0 && (filtered || filters.value.get("cursor")
      ? html`<${Empty} title="Nothing matches these filters."><button type="button" onClick=${clear(specs)}>Clear the filters</button><//>`
      : html`<${Empty} title=${empty.title} curl=${empty.curl}>${empty.text}<//>`)}
    ${page.data?.length > 0 && html`<${Rows} rows=${page.data} columns=${columns} rowHref=${rowHref} caption=${caption} bulk=${bulk} rowId=${rowId} reload=${page.reload} />`}
    ${page.data && html`<${Pager} page=${page} />`}
    <${ApiCall} text=${curl("GET", path, { query: asked })} />`;
}

function sent(spec, value) {
  return spec.type === "date" && /^\d{4}-\d\d-\d\d$/.test(value ?? "") ? midnight(value) : value;
}

const clear = (specs) => () => filterBy(Object.fromEntries(specs.map((each) => [each.name, null])));

function Filters({ specs }) {
  if (specs.length === 0) return null;
  const set = (name) => (value) => filterBy({ [name]: value });
  return html`<form class="filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
    ${specs.map((each) => html`<${Filter} key=${each.name} spec=${each} value=${filters.value.get(each.name) ?? ""} onChange=${set(each.name)} />`)}
    ${specs.some((each) => filters.value.get(each.name)) && html`<button type="button" onClick=${clear(specs)}>Clear</button>`}
  </form>`;
}

/** Selects and dates apply at once; a text does on Enter, or when it is left. */
function Filter({ spec, value, onChange }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const field = { ...spec, required: true, options: spec.options && [["", "any"], ...spec.options] };
  if (spec.type === "day") field.type = "date"; // the API takes days, and knows the zone
  if (spec.type === "select" || field.type === "date") return html`<${Field} field=${field} value=${value} onChange=${onChange} />`;
  const apply = () => { if (typed !== value) onChange(typed.trim()); };
  return html`<div onfocusout=${apply} onKeyDown=${(event) => { if (event.key === "Enter") apply(); }}>
    <${Field} field=${field} value=${typed} onChange=${setTyped} /></div>`;
}

/** Back and forth. Where a page came from is kept with the browser's entry, so that "Previous" holds after a reload, too. */
function Pager({ page }) {
  const next = page.meta.pagination?.next_cursor;
  const trail = window.history.state?.trail ?? [];
  const cursor = filters.value.get("cursor");
  const to = (value, before) => {
    navigate(href(place.value, { ...Object.fromEntries(filters.value), cursor: value }), { state: { trail: before } });
    document.querySelector("h1")?.focus();
  };
  if (!next && !cursor) return html`<p class="quiet count">${page.data.length} ${page.data.length === 1 ? "row" : "rows"}</p>`;
  return html`<nav class="pager" aria-label="Pages">
    <button type="button" disabled=${!cursor} onClick=${() => to(trail.at(-1) ?? null, trail.slice(0, -1))}>${trail.length > 0 || !cursor ? "Previous" : "First page"}</button>
    <span class="quiet">${page.data.length}${next ? "+" : ""} rows</span>
    <button type="button" disabled=${!next} onClick=${() => to(next, [...trail, cursor ?? null])}>Next</button>
  </nav>`;
}

/**
 * A table. Up, Down, Home and End go from row to row, Enter opens one, Space selects it; every row's link is reached by Tab, too.
 * @param {{rows: any[], columns: Column[], caption: string, rowHref?: (row) => string, bulk?: Bulk[], rowId?: (row) => string, reload?: () => void}} props
 */
export function Rows({ rows, columns, caption, rowHref, bulk = [], rowId = (row) => row.id, reload }) {
  const [chosen, setChosen] = useState(() => new Set());
  useEffect(() => setChosen(new Set()), [rows]);
  const selectable = bulk.length > 0;
  const toggle = (id) => setChosen((before) => {
    const after = new Set(before);
    if (!after.delete(id)) after.add(id);
    return after;
  });
  const all = chosen.size === rows.length;
  return html`
    ${selectable && html`<${BulkBar} bulk=${bulk} rows=${rows.filter((row) => chosen.has(rowId(row)))} rowId=${rowId} reload=${reload} />`}
    <div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table class="rows" onKeyDown=${(event) => step(event, toggle)}>
      <caption class="hidden">${caption}</caption>
      <thead><tr>
        ${selectable && html`<th><input type="checkbox" aria-label="Select all rows of this page" checked=${all} onChange=${() => setChosen(all ? new Set() : new Set(rows.map(rowId)))} /></th>`}
        ${columns.map((each) => html`<th scope="col" class=${each.number ? "number" : ""}>${each.title}</th>`)}
      </tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${rowId(row)} data-id=${rowId(row)} class=${chosen.has(rowId(row)) ? "chosen" : ""}>
        ${selectable && html`<td><input type="checkbox" aria-label=${`Select ${rowId(row)}`} checked=${chosen.has(rowId(row))} onChange=${() => toggle(rowId(row))} /></td>`}
        ${columns.map((each, index) => {
          const content = each.cell(row);
          const linked = index === 0 && rowHref ? html`<a href=${rowHref(row)} class="row-link">${content}</a>` : content;
          return index === 0
            ? html`<th scope="row" data-title=${each.title}>${linked}</th>`
            : html`<td data-title=${each.title} class=${each.number ? "number" : ""}>${linked}</td>`;
        })}
      </tr>`)}</tbody>
    </table></div>`;
}

function step(event, toggle) {
  const row = event.target.closest("tbody tr");
  if (!row || /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(event.target.tagName) && event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  if (event.key === " " && event.target.closest("a")) {
    event.preventDefault();
    toggle(row.dataset.id);
    return;
  }
  const rows = [...row.parentElement.children];
  const at = rows.indexOf(row);
  const to = { ArrowDown: rows[at + 1], ArrowUp: rows[at - 1], Home: rows[0], End: rows.at(-1) }[event.key];
  if (!to) return;
  event.preventDefault();
  (to.querySelector("a.row-link") ?? to.querySelector("a, input, button"))?.focus(); // not the checkbox before it, on which Enter does nothing
}

const outcomes = signal(null);

/** Forget what bulk actions of another page brought. */
export function forgetOutcomes() {
  outcomes.value = null;
}

/** One call for each row, each with a key of its own; one that fails stops no other. */
function BulkBar({ bulk, rows, rowId, reload }) {
  const keys = useRef(new Map());
  const running = useRef(false);
  const run = async (action) => {
    if (running.current) return; // a double click
    running.current = true;
    const mine = { title: action.title, rows: rows.map((row) => ({ id: rowId(row), name: row.number ?? row.name, state: "waiting" })) };
    const tell = (index, change) => {
      mine.rows[index] = { ...mine.rows[index], ...change };
      outcomes.value = { ...mine, rows: [...mine.rows] };
    };
    outcomes.value = mine;
    for (const [index, row] of rows.entries()) {
      const name = `${action.title} ${rowId(row)}`;
      if (!keys.current.has(name)) keys.current.set(name, newKey());
      tell(index, { state: "working" });
      try {
        const { data } = await call(action.method ?? "POST", action.path(row), { body: action.body?.(row) ?? {}, key: keys.current.get(name) });
        keys.current.delete(name); // the same once more, later, is another request
        tell(index, { state: action.unfinished?.(data) ?? "done" });
      } catch (error) {
        if (!error.isUnknown) keys.current.delete(name); // it is told; another try is another request
        tell(index, { state: "failed", error });
      }
    }
    running.current = false;
    announce(`${action.title}: ${mine.rows.filter((each) => each.state === "done").length} of ${rows.length} done`);
    reload?.();
  };
  return html`<div class="bulk">
    <span class="quiet">${rows.length} selected</span>
    ${bulk.map((each) => html`<${BulkButton} key=${each.title} action=${each} count=${rows.length} run=${() => run(each)} />`)}
  </div>`;
}

function BulkButton({ action, count, run }) {
  const [asks, setAsks] = useState(false);
  if (!asks) {
    return html`<${Action} scope=${action.scope} danger=${action.danger} unless=${count === 0 ? "Select rows first." : null}
      onClick=${() => setAsks(true)}>${action.title}<//>`;
  }
  return html`<span class="sure" role="group" aria-label=${action.title}>${action.title}: ${count} ${count === 1 ? "row" : "rows"}?
    <button type="button" class=${action.danger ? "danger" : "primary"} onClick=${() => { setAsks(false); run(); }}>Yes</button>
    <button type="button" onClick=${() => setAsks(false)}>No</button></span>`;
}

/** What the last bulk action brought, row by row. `List` has it already. */
export function Outcomes() {
  if (!outcomes.value) return null;
  const { title, rows } = outcomes.value;
  return html`<div class="outcomes" role="status"><strong>${title}</strong>
    <ul>${rows.map((each) => html`<li>${each.name ?? html`<${Id} id=${each.id} />`} ${each.state}${each.error && html`: ${why(each.error)} <code>${each.error.code}</code>`}</li>`)}</ul>
    <button type="button" onClick=${() => { outcomes.value = null; }}>Close</button></div>`;
}

function why(error) {
  const told = declineOf(error);
  return told ? `${told.what}. ${told.help}` : error.message;
}
