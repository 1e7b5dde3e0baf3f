/** Tabs whose choice is in the URL. */

import { html } from "../vendor/preact.js";
import { href, path, query } from "../lib/router.js";

/** @param {{tabs: Array<[string, string]>, name?: string}} props value and text; the first one is shown where the URL says none */
export function Tabs({ tabs, name = "tab" }) {
  const chosen = tabOf(tabs, name);
  return html`<nav class="tabs" aria-label="Parts of this page">${tabs.map(([value, text], index) => html`
    <a href=${href(path.value, { [name]: index === 0 ? null : value })} aria-current=${value === chosen ? "true" : undefined}>${text}</a>`)}</nav>`;
}

/** The tab that the URL says. */
export function tabOf(tabs, name = "tab") {
  const given = query.value.get(name);
  return tabs.some(([value]) => value === given) ? given : tabs[0][0];
}
