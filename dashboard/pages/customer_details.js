/** What a customer's documents say of it, how to change that, and how to erase it. */

import { html } from "../vendor/preact.js";
import { Time, words } from "../lib/dates.js";
import { Action, Address, Facts, Section } from "../ui/parts.js";

const EXEMPT = [["none", "pays tax"], ["exempt", "exempt from tax"], ["reverse", "reverse charge"]];
const ADDRESS = [["line1", "Street and number"], ["line2", "Second line"], ["postalCode", "Postal code"], ["city", "City"], ["state", "State or province"], ["country", "Country"]];

const FIELDS = [
  { name: "name", label: "Name", required: true }, { name: "email", label: "Email", type: "email" },
  ...ADDRESS.map(([name, label]) => ({ name, label, ...(name === "country" && { hint: "Two letters, such as DE. Tax needs it." }) })),
  { name: "taxId", label: "Tax id" }, { name: "taxExempt", label: "Tax", type: "select", required: true, options: EXEMPT },
  { name: "timezone", label: "Zone", required: true, hint: "An IANA name, such as Europe/Berlin. Running periods keep their bounds." },
  { name: "locale", label: "Language of its documents", hint: "Such as de or fr; empty for the tenant's." },
  { name: "netTermsDays", label: "Net terms in days", type: "number", hint: "To pay what no card is charged for; empty for the tenant's." },
  { name: "poNumber", label: "Purchase order number" },
  { name: "customFields", label: "Custom fields", type: "json", required: true, hint: "Lines on its documents: a list of names and values." },
  { name: "metadata", label: "Metadata", type: "json", required: true, hint: "For your programs; nobody else sees it." },
  { name: "externalId", label: "Your own id" },
];

/** @param {{customer: object, reload: () => void}} props */
export function CustomerDetails({ customer: of, reload }) {
  const gone = of.deletedAt ? "It was erased." : null;
  const change = html`<${Action} scope="billing:write" primary unless=${gone} dialog=${() => edit(of, reload)}>Change details<//>`;
  return html`<${Section} title="Details" actions=${change}><${Facts} rows=${[
    ["Name", of.name], ["Email", of.email], ["Address", html`<${Address} address=${of.address} />`],
    ["Tax id", of.taxId && `${of.taxId} (${words(of.taxIdStatus)})`], ["Tax", EXEMPT.find(([value]) => value === of.taxExempt)[1]],
    ["Language", of.locale ?? "the tenant's"], ["Net terms", of.netTermsDays === null ? "the tenant's" : `${of.netTermsDays} days`],
    ["Purchase order number", of.poNumber], ["Zone", of.timezone], ["Currency", of.currency], ["Your own id", of.externalId],
    ["Created", html`<${Time} at=${of.createdAt} />`],
    ...of.customFields.map((each) => [`${each.name} (on documents)`, each.value]),
    ...Object.entries(of.metadata).map(([name, value]) => [`${name} (metadata)`, value]),
  ]} /><//>
  <${Section} title="Erase">
    <p>What is kept of a person is removed for good: name, email, address, cards, and their copies in events and answers. The books stay, without a name;
      invoices that were issued keep theirs as long as the law wants them kept. It cannot be undone.</p>
    <p>It is refused while a subscription, an invoice, a payment, a refund, an order or a dispute is under way: end those first.</p>
    <${Action} scope="billing:write" danger unless=${of.erasedAt ? "It was erased." : null} dialog=${() => erase(of, reload)}>${of.deletedAt ? "Try the erasure again" : "Erase this customer"}<//><//>`;
}

function edit(of, reload) {
  const before = { ...of, ...of.address };
  return {
    title: "Change details", method: "PATCH", path: `/v1/customers/${of.id}`, headers: { "If-Match": `"${of.version}"` }, fields: FIELDS, initial: before,
    submit: "Save", said: "The details are saved", done: () => { reload(); }, body: (values) => changed(before, of.address, values),
    text: "Documents that are issued already stay as they are.",
  };
}

/** Only what differs from what was shown: what somebody else changed meanwhile is not taken back by it. */
function changed(before, address, values) {
  const body = {};
  for (const { name, type } of FIELDS) {
    if (ADDRESS.some(([part]) => part === name)) continue;
    const value = read(type, values[name]);
    if (JSON.stringify(value) !== JSON.stringify(before[name] ?? null)) body[name] = value;
  }
  const parts = Object.fromEntries(ADDRESS.map(([name]) => [name, read("text", values[name])]));
  if (ADDRESS.some(([name]) => parts[name] !== (address?.[name] ?? null))) body.address = Object.values(parts).some(Boolean) ? parts : null;
  return body;
}

function read(type, value) {
  const text = String(value).trim();
  if (text === "") return null;
  if (type === "number") return Number(text);
  if (type !== "json") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // still being typed; the field says what is wrong before anything is sent
  }
}

function erase(of, reload) {
  return {
    title: "Erase this customer", method: "DELETE", path: `/v1/customers/${of.id}`, body: null, danger: true, submit: "Erase for good", headers: { "If-Match": `"${of.version}"` },
    said: "The customer is erased", done: () => { reload(); },
    text: html`<p><strong>${of.name}</strong> will have no name, no email, no address and no card any more, here and at Stripe. Nobody can bring that back.</p>`,
    fields: [{ name: "sure", label: "Type ERASE to go on", required: true }],
    check: ({ sure }) => (sure.trim() === "ERASE" ? {} : { sure: "Type ERASE, in capitals." }),
  };
}
