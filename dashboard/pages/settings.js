/** The tenant's settings, with a document as it will look. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { whyNot } from "../lib/access.js";
import { call, newKey, useApi } from "../lib/api.js";
import { me } from "../lib/session.js";
import { Action, Address, Badge, Facts, Heading, Id, Loaded, Problem, Section } from "../ui/parts.js";

const text = (name, label, more = {}) => ({ name, label, ...more });
const or = (value) => (value === "" ? null : value);

/** Each group: its fields, and the body that they make. */
const GROUPS = {
  company: {
    title: "Company", fields: [text("name", "Name", { required: true }), text("legalName", "Legal name"), text("line1", "Street and number"), text("postalCode", "Postal code"), text("city", "City"), text("state", "State"),
      text("country", "Country", { hint: "Two letters" }), text("taxId", "Tax id"), text("email", "Email", { type: "email" })],
    initial: (t) => ({ ...t, ...t.address }),
    body: (v) => ({ name: v.name, legalName: or(v.legalName), taxId: or(v.taxId), email: or(v.email),
      address: { line1: or(v.line1), postalCode: or(v.postalCode), city: or(v.city), state: or(v.state), country: or(v.country) } }),
  },
  billing: {
    title: "Billing", fields: [text("timezone", "Time zone", { required: true, hint: "An IANA name. Reports and days follow it." }), text("currency", "Currency", { required: true }), text("invoicePrefix", "Numbers of invoices begin with", { required: true }),
      text("netTermsDays", "Days to pay", { type: "number", required: true }), text("graceHours", "Hours that a draft waits", { type: "number", required: true }),
      text("dunningDays", "Days of new attempts after a failed charge", { hint: "1, 3, 5, 7" }), text("dunningAction", "After the last one the subscription is", { type: "select", options: [["canceled", "canceled"], ["paused", "paused"], ["left", "left past due"]] }),
      text("taxProvider", "Tax", { type: "select", options: [["none", "none"], ["builtin", "our own table"], ["stripe", "Stripe Tax"], ["taxjar", "TaxJar"]] })],
    initial: (t) => ({ ...t, graceHours: Math.round(t.gracePeriodSeconds / 3600), dunningDays: t.dunning.scheduleDays.join(", "), dunningAction: t.dunning.action }),
    body: (v) => ({ timezone: v.timezone, currency: v.currency, invoicePrefix: v.invoicePrefix, netTermsDays: Number(v.netTermsDays), gracePeriodSeconds: Number(v.graceHours) * 3600, taxProvider: v.taxProvider,
      dunning: { scheduleDays: v.dunningDays.split(/[\s,]+/).filter(Boolean).map(Number), action: v.dunningAction } }),
  },
  documents: {
    title: "Documents", fields: [text("locale", "Language", { required: true, hint: "en, de, fr; a customer's own goes before it." }), text("color", "Colour", { hint: "#0b4f9e" }), text("footer", "Footer"), text("legalLine", "Legal line", { hint: "Register, directors" }),
      text("paymentLink", "Link to pay", { type: "url" }), text("holder", "Bank account of"), text("iban", "IBAN"), text("bic", "BIC")],
    initial: (t) => ({ ...t, ...t.branding, ...t.bankDetails }),
    body: (v) => ({ locale: v.locale, paymentLink: or(v.paymentLink), branding: { color: or(v.color), footer: or(v.footer), legalLine: or(v.legalLine) },
      bankDetails: v.holder ? { holder: v.holder, iban: or(v.iban), bic: or(v.bic) } : null }),
  },
  access: {
    title: "Access", fields: [text("ipAllowList", "Only from these networks", { hint: "192.0.2.0/24, 2001:db8::/32. Nothing: from everywhere. Enterprise only. Yours has to be among them." }), text("adminsUseAuthenticator", "Admins have to use an authenticator", { type: "checkbox" })],
    initial: (t) => ({ ...t, ipAllowList: t.ipAllowList.join(", ") }),
    body: (v) => ({ ipAllowList: v.ipAllowList.split(/[\s,]+/).filter(Boolean), adminsUseAuthenticator: v.adminsUseAuthenticator }),
  },
};

export default function Settings() {
  const tenant = useApi(`/v1/tenants/${me.value.tenant.id}`);
  return html`<${Loaded} from=${tenant}>${(data) => html`<${Shown} tenant=${data} reload=${tenant.reload} />`}<//>`;
}

function edit(tenant, group, reload) {
  return {
    title: group.title, method: "PATCH", path: `/v1/tenants/${tenant.id}`, submit: "Save", wide: true, headers: { "If-Match": `"${tenant.version}"` }, fields: group.fields, initial: group.initial(tenant), body: group.body,
    said: "Saved", done: (saved) => { me.value = { ...me.value, tenant: { ...me.value.tenant, ...saved, timeZone: saved.timezone } }; reload(); },
  };
}

function Shown({ tenant, reload }) {
  const button = (group) => html`<${Action} scope="billing:admin" dialog=${() => edit(tenant, group, reload)}>Edit<span class="hidden"> ${group.title}</span><//>`;
  const { branding, bankDetails: bank, marketplace } = tenant;
  return html`<${Heading} title="Settings" badge=${tenant.status} />
    <${Facts} rows=${[["Id", html`<${Id} id=${tenant.id} />`], ["Mode", html`<${Badge} state=${tenant.mode} />`], ["Tier", tenant.tier]]} />
    <${Section} title="Company" actions=${button(GROUPS.company)}><${Facts} rows=${[["Name", tenant.name], ["Legal name", tenant.legalName], ["Address", html`<${Address} address=${tenant.address} />`], ["Tax id", tenant.taxId], ["Email", tenant.email]]} /><//>
    <${Section} title="Billing" actions=${button(GROUPS.billing)}><${Facts} rows=${[
      ["Time zone", tenant.timezone], ["Currency", tenant.currency], ["Numbers begin with", tenant.invoicePrefix], ["Days to pay", tenant.netTermsDays], ["A draft waits", tenant.gracePeriodSeconds ? `${tenant.gracePeriodSeconds / 3600} hours` : "not at all"],
      ["New attempts after", `${tenant.dunning.scheduleDays.join(", ")} days, then ${tenant.dunning.action}`], ["Tax", tenant.taxProvider]]} /><//>
    <${Section} title="Documents" actions=${button(GROUPS.documents)}><${Facts} rows=${[["Language", tenant.locale], ["Colour", branding.color], ["Footer", branding.footer], ["Legal line", branding.legalLine], ["Link to pay", tenant.paymentLink], ["Bank", bank && `${bank.holder} ${bank.iban ?? bank.accountNumber ?? ""}`]]} />
      <${LivePdf} key=${tenant.version} /><//>
    <${Section} title="Access" actions=${button(GROUPS.access)}><${Facts} rows=${[["Only from", tenant.ipAllowList.join(", ") || "everywhere"], ["Authenticator of admins", tenant.adminsUseAuthenticator ? "needed" : "as they like"]]} /><${DataKey} tenant=${tenant} /><//>
    <${Section} title="Marketplace"><${Facts} rows=${[["Refunds within", `${marketplace.refundWindowDays} days`], ["Fees are borne by", `the ${marketplace.feesBorneBy}`], ["Tax is collected by", `the ${marketplace.taxCollector}`], ["Commission is of the", `${marketplace.commissionBase} price`]]} /><//>`;
}

function DataKey({ tenant }) {
  const rotate = { title: "Rotate the data key", path: `/v1/tenants/${tenant.id}/data-key/rotate`, body: () => ({}), text: "What is written from now on is sealed under a new key; what is there is sealed anew by the operator's job." };
  return html`<${Action} scope="billing:admin" dialog=${rotate}>Rotate the data key<//>`;
}

/** The newest invoice as a document with these settings; drawn anew when they change. */
function LivePdf() {
  const [url, setUrl] = useState(null);
  const [error, setError] = useState(null);
  const invoices = useApi("/v1/invoices", { view: "summary", limit: 1 });
  const invoice = invoices.data?.[0];
  useEffect(() => {
    if (!invoice) return undefined;
    let made = null;
    call("GET", `/v1/invoices/${invoice.id}/pdf`, { as: "blob", key: newKey(), headers: { Accept: "application/pdf" } }).then(({ data }) => {
      made = URL.createObjectURL(new Blob([data], { type: "application/pdf" }));
      setUrl(made);
    }, setError);
    return () => { if (made) URL.revokeObjectURL(made); };
  }, [invoice?.id]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!invoice) return html`<p class="quiet">${whyNot("billing:read") ?? "When there is an invoice, it is shown here as it will look."}</p>`;
  if (!url) return html`<p class="loading" role="status">Drawing…</p>`;
  return html`<p class="quiet">The newest invoice. Of a finalized one seller and buyer stay as they were; look and language follow the settings.</p>
    <iframe class="pdf" title="The newest invoice as a PDF" src=${url}></iframe>`;
}
