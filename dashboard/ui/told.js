/** What is told: ids and calls to copy, refusals, messages. */

import { html, signal, useState } from "../vendor/preact.js";
import { words } from "../lib/dates.js";
import { declineOf } from "./declines.js";

/** An id, whole, with a button that copies it. */
export function Id({ id }) {
  return id ? html`<span class="id"><code>${id}</code><${Copy} text=${id} what=${`id ${id}`} /></span>` : html`<span class="quiet">—</span>`;
}

/** Copies a text; says so to everybody. */
export function Copy({ text, what = "", label = "Copy" }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text).catch(() => null);
    setDone(true);
    announce("Copied");
    setTimeout(() => setDone(false), 2000);
  };
  return html`<button type="button" class="copy" onClick=${copy} aria-label=${`${label} ${what}`.trim()}>${done ? "Copied" : label}</button>`;
}

/** What was said last to those who do not look: a polite live region in the shell. */
export const said = signal("");

const SHOWN_MS = 5000;
let forgetting = 0;

/** A short message, shown for a while and read out. */
export function announce(text) {
  said.value = "";
  clearTimeout(forgetting);
  setTimeout(() => { said.value = text; }, 50); // the same text again is read out again
  forgetting = setTimeout(() => { said.value = ""; }, SHOWN_MS);
}

/** A refusal with everything that support would ask for. */
export function Problem({ error, retry }) {
  if (!error) return null;
  const told = error.code ? declineOf(error) : null;
  const details = (error.details ?? []).filter((each) => !told || each.field !== "declineCode");
  return html`<div class="problem" role="alert">
    <p><strong>${error.message}</strong></p>
    ${told && html`<p>${told.what}. ${told.help}</p>`}
    ${details.length > 0 && html`<ul>${details.map((each) => html`<li><code>${each.field}</code>: ${/^[a-z_.]+$/.test(each.reason) ? words(each.reason) : each.reason}</li>`)}</ul>`}
    <p class="quiet">
      ${error.code && html`<code>${error.code}</code> `}
      ${error.requestId && html`· request <${Id} id=${error.requestId} />`}
      ${error.documentationUrl && html` · <a href=${error.documentationUrl} target="_blank" rel="noreferrer">what it means</a>`}
    </p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** The same thing by the API. */
export function ApiCall({ text, open = false }) {
  return html`<details class="api-call" open=${open}>
    <summary>The API call</summary>
    <pre tabindex="0"><code>${text}</code></pre><${Copy} text=${text} what="the call" />
  </details>`;
}
