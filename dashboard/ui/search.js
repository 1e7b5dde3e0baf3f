/** One search over everything: "/" goes there, arrows choose, Enter opens. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { words } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";

const PLACES = {
  customer: "/customers", subscription: "/subscriptions", invoice: "/invoices", credit_note: "/credit-notes", payment: "/payments",
  dispute: "/disputes", order: "/orders", plan: "/plans", coupon: "/coupons",
};
const PAUSE_MS = 200;

export function Search() {
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState({ q: "", rows: [], error: null });
  const [at, setAt] = useState(0);
  const input = useRef(null);
  const asked = useRef(0);

  useEffect(() => {
    const focus = (event) => {
      const busy = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || document.querySelector("dialog[open]");
      const wanted = event.key === "/" || (event.key === "k" && (event.metaKey || event.ctrlKey));
      if (!wanted || (busy && event.key === "/")) return;
      event.preventDefault();
      input.current.focus();
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);

  useEffect(() => {
    const q = typed.trim();
    asked.current += 1;
    const mine = asked.current;
    if (q.length < 2) {
      setFound({ q: "", rows: [], error: null });
      return undefined;
    }
    const timer = setTimeout(async () => {
      const answer = await get("/v1/search", { q, limit: 10 }).then(({ data }) => ({ rows: data, error: null }), (error) => ({ rows: [], error }));
      if (asked.current === mine) {
        setFound({ q, ...answer });
        setAt(0);
      }
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const close = () => { setTyped(""); input.current.blur(); };
  const open = (row) => { close(); navigate(placeOf(row)); };
  const onKeyDown = (event) => {
    const last = found.rows.length - 1;
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") setAt(Math.min(at + 1, last));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && found.rows[at] && found.q === typed.trim()) open(found.rows[at]);
    else return;
    event.preventDefault();
  };
  const isOpen = found.q !== "" && typed.trim() !== "";
  return html`<div class="search" role="search">
    <input ref=${input} type="search" placeholder="Search ( / )" aria-label="Search for ids, numbers, emails, names" autocomplete="off"
      role="combobox" aria-expanded=${isOpen ? "true" : "false"} aria-controls="found" aria-autocomplete="list"
      aria-activedescendant=${isOpen && found.rows[at] ? `found-${at}` : undefined}
      value=${typed} onInput=${(event) => setTyped(event.target.value)} onKeyDown=${onKeyDown} />
    <ul id="found" role="listbox" aria-label="What was found" hidden=${!isOpen}>
      ${found.rows.map((row, index) => html`<li key=${index} id=${`found-${index}`} role="option" aria-selected=${index === at ? "true" : "false"}
        onPointerDown=${(event) => { event.preventDefault(); open(row); }}>
        <span class="quiet">${words(row.type)}</span> ${row.title ?? row.id} <code class="quiet">${row.title ? row.id : ""}</code></li>`)}
      ${found.rows.length === 0 && html`<li role="option" aria-disabled="true">${found.error ? found.error.message : `Nothing found for “${found.q}”. Ids, invoice numbers, whole emails, domains and words of names are searched.`}</li>`}
    </ul>
  </div>`;
}

/** A refund has no page of its own: its customer's story tells of it. */
function placeOf(row) {
  return href(row.type in PLACES ? `${PLACES[row.type]}/${row.id}` : `/customers/${row.customerId}`);
}
