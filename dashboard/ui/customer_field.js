/** Fields of forms that search: a customer, and one of a customer's saved cards. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { get, useApi } from "../lib/api.js";

const PAUSE_MS = 200;

/** "Visa ···· 4242, 12/2029". */
export function cardWords({ card, type }) {
  if (!card) return type;
  return `${card.brand[0].toUpperCase()}${card.brand.slice(1)} ···· ${card.last4}, ${String(card.expMonth).padStart(2, "0")}/${card.expYear}`;
}

/** Whether a card's last month is over. @param {object} card @param {Date} now of the customer's clock, if it is on one */
export function isExpired(card, now = new Date()) {
  return Boolean(card) && Date.UTC(card.expYear, card.expMonth, 1) <= now.getTime(); // the month after the last one it is good in
}

/** The field of a dialog in which a customer is searched for; its value is the id. */
export const customerField = (name = "customerId") => ({
  name, label: "Customer", required: true, hint: "Part of a name, a whole email, or an id.", input: (props) => html`<${CustomerInput} ...${props} />`,
});

function CustomerInput({ shared, value, onChange }) {
  const [typed, setTyped] = useState(value);
  const [found, setFound] = useState(null);
  const [at, setAt] = useState(0);
  const asked = useRef(0);
  const listId = `${shared.id}-found`;

  const type = (text) => {
    setTyped(text);
    onChange(/^cus_\w+$/.test(text.trim()) ? text.trim() : "");
  };
  useEffect(() => {
    asked.current += 1;
    const mine = asked.current;
    const q = typed.trim();
    if (q.length < 2 || value) {
      setFound(null);
      return undefined;
    }
    const timer = setTimeout(async () => {
      const rows = await get("/v1/search", { q, limit: 20 }).then(({ data }) => data.filter((each) => each.type === "customer"), () => []);
      if (asked.current === mine) {
        setFound(rows);
        setAt(0);
      }
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, value]);

  const choose = (row) => {
    setTyped(`${row.title ?? "erased"} (${row.id})`);
    setFound(null);
    onChange(row.id);
  };
  const onKeyDown = (event) => {
    if (!found) return;
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && found[at]) choose(found[at]);
    else if (event.key === "Escape") setFound(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="search">
    <input ...${shared} type="text" autocomplete="off" role="combobox" aria-autocomplete="list" aria-expanded=${found ? "true" : "false"} aria-controls=${listId}
      aria-activedescendant=${found?.[at] ? `${listId}-${at}` : undefined} value=${typed} onInput=${(event) => type(event.target.value)} onKeyDown=${onKeyDown} />
    <ul id=${listId} role="listbox" aria-label="Customers found" hidden=${!found}>
      ${found?.map((row, index) => html`<li key=${row.id} id=${`${listId}-${index}`} role="option" aria-selected=${index === at ? "true" : "false"}
        onPointerDown=${(event) => { event.preventDefault(); choose(row); }}>${row.title ?? "erased"} <code class="quiet">${row.id}</code></li>`)}
      ${found?.length === 0 && html`<li role="option" aria-disabled="true">No customer found.</li>`}
    </ul></div>`;
}

/** The field of a dialog in which one of a customer's saved cards is chosen; empty for the customer's default. */
export const cardField = (customerOf, name = "paymentMethodId") => ({
  name, label: "Card", when: (values) => Boolean(customerOf(values)),
  input: ({ shared, value, values, onChange }) => html`<${CardInput} shared=${shared} value=${value} onChange=${onChange} customerId=${customerOf(values)} />`,
});

function CardInput({ shared, value, onChange, customerId }) {
  const cards = useApi("/v1/payment-methods", { customer: customerId, limit: 100 });
  const saved = cards.data ?? [];
  return html`<select ...${shared} onChange=${(event) => onChange(event.target.value)}>
    <option value="" selected=${!value}>The customer's default${cards.data && saved.length === 0 ? " (none is saved)" : ""}</option>
    ${saved.map((each) => html`<option value=${each.id} selected=${each.id === value}>${cardWords(each)}</option>`)}
  </select>`;
}
