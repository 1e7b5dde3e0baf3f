/** Where the page is: the URL holds the place, the filters and the tabs, so that Back, reload and deep links work. */

import { computed, signal } from "../vendor/preact.js";

export const ROOT = "/dashboard";
const here = signal(read());

function read() {
  const [, , tenant = "", ...rest] = decoded(window.location.pathname).split("/");
  return { tenant, path: `/${rest.join("/")}`.replace(/(.)\/$/, "$1"), search: window.location.search };
}

/** As people read it; an address that somebody cut off in the middle of a character stays as it is. */
function decoded(text) {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}

/** The tenant whose dashboard this is, from the address. */
export const tenantId = computed(() => here.value.tenant);
/** The place inside the tenant's dashboard: "/customers/cus_1". */
export const path = computed(() => here.value.path);
/** The filters, as URLSearchParams; read only. */
export const query = computed(() => new URLSearchParams(here.value.search));

/**
 * The address of a place.
 * @param {string} to a place: "/invoices"
 * @param {Record<string, string|undefined|null>} filters those without a value are left out
 */
export function href(to, filters = {}) {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return `${ROOT}/${tenantId.value}${to === "/" ? "/" : to}${text ? `?${text}` : ""}`;
}

/** Go somewhere; `replace` leaves no entry to come back to, `state` stays with the entry. */
export function navigate(address, { replace = false, state = null } = {}) {
  window.history[replace ? "replaceState" : "pushState"](state, "", address);
  here.value = read();
}

/** The same place with other filters; null takes one away. A cursor belongs to the filters that it was got with. */
export function filterBy(changes, { replace = false } = {}) {
  const filters = Object.fromEntries(query.value);
  delete filters.cursor;
  navigate(href(path.value, { ...filters, ...changes }), { replace });
}

/** Match a place against "/customers/:id"; the parameters, or null. */
export function match(pattern, place) {
  const [wanted, given] = [pattern.split("/"), place.split("/")];
  if (wanted.length !== given.length) return null;
  const parameters = {};
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(":")) parameters[part.slice(1)] = given[index];
    else if (part !== given[index]) return null;
  }
  return parameters;
}

/** Follow links of this dashboard without loading the page anew; all else is the browser's. */
export function followLinks() {
  window.addEventListener("popstate", () => {
    here.value = read();
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href, window.location.href);
    if (url.origin !== window.location.origin || !url.pathname.startsWith(`${ROOT}/${tenantId.value}/`)) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
}
