/** Customers: the list, and a new one. */

import { html } from "../vendor/preact.js";
import { curl } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";
import { List } from "../ui/list.js";
import { Action, Badge, Heading } from "../ui/parts.js";

/** What a new customer needs. */
export const CUSTOMER_FIELDS = [
  { name: "name", label: "Name", required: true },
  { name: "email", label: "Email", type: "email", required: true },
  { name: "line1", label: "Street and number" },
  { name: "postalCode", label: "Postal code" },
  { name: "city", label: "City" },
  { name: "country", label: "Country", hint: "Two letters, such as DE. Tax needs it." },
  { name: "currency", label: "Currency", hint: "Three letters; empty for the tenant's. It stays." },
  { name: "timezone", label: "Zone", hint: "Of its periods and documents, such as Europe/Berlin; empty for the tenant's." },
  { name: "taxId", label: "Tax id" },
  { name: "externalId", label: "Your own id", hint: "Unique in this tenant." },
];

/** The body of a customer from the values of CUSTOMER_FIELDS. */
export function customerBody({ name, email, taxId, externalId, currency, timezone, line1, postalCode, city, country }) {
  const address = { line1: line1 || null, postalCode: postalCode || null, city: city || null, country: country || null };
  return {
    name, email, ...(taxId && { taxId }), ...(currency && { currency: currency.toUpperCase() }), ...(timezone && { timezone }), ...(externalId && { externalId }),
    ...(Object.values(address).some(Boolean) && { address }),
  };
}

export default function Customers() {
  const create = {
    title: "New customer", path: "/v1/customers", fields: CUSTOMER_FIELDS, body: customerBody, said: "The customer is there",
    done: (customer) => navigate(href(`/customers/${customer.id}`)),
  };
  return html`<${Heading} title="Customers"><${Action} scope="billing:write" primary dialog=${create}>New customer<//><//>
    <${List} path="/v1/customers" caption="Customers" rowHref=${(row) => href(`/customers/${row.id}`)}
      filters=${[
        { name: "email", label: "Email", type: "email" }, { name: "externalId", label: "Your own id" },
        { name: "currency", label: "Currency" }, { name: "from", label: "Created from", type: "date" }, { name: "to", label: "to", type: "date" },
      ]}
      columns=${[
        { title: "Name", cell: (row) => row.name ?? html`<span class="quiet">erased</span>` },
        { title: "Email", cell: (row) => row.email },
        { title: "Country", cell: (row) => row.address?.country },
        { title: "Your own id", cell: (row) => row.externalId },
        { title: "Currency", cell: (row) => row.currency },
        { title: "State", cell: (row) => html`${row.testClockId && html`<${Badge} state="test clock" />`} ${row.deletedAt && html`<${Badge} state="erased" />`}` },
        { title: "Created", cell: (row) => html`<${Time} at=${row.createdAt} only="day" />` },
      ]}
      empty=${{ title: "No customers yet.", text: "A customer is whom you bill.", curl: curl("POST", "/v1/customers", { body: { name: "Ada", email: "ada@example.com" } }) }} />`;
}
