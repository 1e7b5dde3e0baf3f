/** One invoice: where it stands and why, what it says, what was paid on it, what can be done. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { me } from "../lib/session.js";
import { Documents } from "../ui/documents.js";
import { InvoiceActions, payLinkOf } from "../ui/invoice_actions.js";
import { InvoiceLines, REASONS, Span, TaxTable, Totals } from "../ui/invoice_parts.js";
import { InvoiceStory } from "../ui/invoice_story.js";
import { Rows } from "../ui/list.js";
import { Address, ApiCall, Badge, Facts, Heading, Id, Loaded, Money, Problem, Section } from "../ui/parts.js";
import { PAYMENT_COLUMNS } from "./payments.js";

export default function InvoicePage({ id }) {
  const path = `/v1/invoices/${encodeURIComponent(id)}`;
  const invoice = useApi(path);
  const payments = useApi("/v1/payments", { invoice: id, limit: 100 });
  const notes = useApi(`${path}/credit-notes`, { limit: 100 });
  const tenant = useApi(invoice.data?.status === "open" ? `/v1/tenants/${me.value.tenant.id}` : null); // for the pay link alone
  const disputed = invoice.data?.disputeIds?.length > 0;
  const disputes = useApi(disputed ? "/v1/disputes" : null, { customer: invoice.data?.customerId, limit: 100 });
  const reload = () => [invoice, payments, notes].forEach((each) => each.reload());
  if (!invoice.data) return html`<${Heading} title="Invoice" /><${Loaded} from=${invoice} />`;
  const it = invoice.data;
  return html`
    <${Heading} title=${it.number ?? "Draft invoice"} badge=${it.status}>
      <${InvoiceActions} invoice=${it} payments=${payments.data} payLink=${payLinkOf(tenant.data?.paymentLink, it)} reload=${reload} /><//>
    <${InvoiceStory} invoice=${it} payments=${payments.data} />
    <${Facts} rows=${facts(it)} />
    <${Section} title="Lines"><${InvoiceLines} invoice=${it} /><${Totals} invoice=${it} /><//>
    <${Section} title="Tax"><${TaxTable} invoice=${it} /><//>
    <${Section} title="Payments and attempts"><${Loaded} from=${payments}>${(rows) => (rows.length === 0
      ? html`<p class="quiet">No charge was tried.</p>`
      : html`<${Rows} rows=${rows} caption="Payments and attempts, newest first" columns=${PAYMENT_COLUMNS} rowHref=${(row) => href(`/payments/${row.id}`)} />`)}<//><//>
    <${Section} title="Credit notes"><${Loaded} from=${notes}>${(rows) => html`<${CreditNotes} rows=${rows} />`}<//><//>
    ${disputed && html`<${Section} title="Disputes"><${Loaded} from=${disputes}>${(rows) => html`<${Disputes} rows=${rows.filter((each) => it.disputeIds.includes(each.id))} />`}<//><//>`}
    <${Section} title="Documents"><${Documents} path=${path} name=${it.number ?? it.id} locale=${it.locale}
      unless=${it.number ? null : "A draft is no e-invoice yet."} /><//>
    <${Section} title="Parties"><${Facts} rows=${[["From", html`<${Party} party=${it.seller} />`], ["To", html`<${Party} party=${it.buyer} />`]]} />
      <p class="quiet">As they were when it was made.</p><//>
    <${Problem} error=${invoice.error} retry=${invoice.reload} />
    <${ApiCall} text=${curl("GET", path)} />`;
}

function facts(it) {
  return [
    ["Due", html`<${Money} of=${it.amountDue} in=${it.currency} />`],
    ["Total", html`<${Money} of=${it.total} in=${it.currency} />`],
    ["Customer", html`<a href=${href(`/customers/${it.customerId}`)}>${it.buyer.name || it.customerId}</a>`],
    ["Subscription", it.subscriptionId && html`<a href=${href(`/subscriptions/${it.subscriptionId}`)}>${it.subscriptionId}</a>`],
    ["Made because", REASONS[it.billingReason] ?? words(it.billingReason)],
    ["Period", it.period && html`<${Span} period=${it.period} />`],
    ["Created", html`<${Time} at=${it.createdAt} />`],
    ["Finalized", it.finalizedAt && html`<${Time} at=${it.finalizedAt} />`],
    ["To be paid by", it.dueAt && html`<${Time} at=${it.dueAt} />`],
    ["Paid", it.paidAt && html`<${Time} at=${it.paidAt} />`],
    ["How", it.autoCharge ? "the saved card is charged" : it.netTermsDays ? `the payer has ${it.netTermsDays} days to pay` : "the payer has to pay at once"],
    ["Attempts", String(it.attemptCount)],
    ["Purchase order", it.poNumber],
    ...it.customFields.map((each) => [each.name, each.value]),
    ...Object.entries(it.metadata).map(([name, value]) => [`metadata: ${name}`, value]),
    ["Id", html`<${Id} id=${it.id} />`],
  ];
}

function Party({ party }) {
  return html`${party.name}<br />${party.address && html`<${Address} address=${party.address} />`}${party.taxId && html`Tax id ${party.taxId}<br />`}${party.email}`;
}

function CreditNotes({ rows }) {
  if (rows.length === 0) return html`<p class="quiet">Nothing was credited.</p>`;
  const money = (name) => (row) => (row[name] ? html`<${Money} of=${row[name]} in=${row.currency} />` : "");
  return html`<${Rows} rows=${rows} caption="Credit notes, newest first" rowHref=${(row) => href(`/credit-notes/${row.id}`)}
    columns=${[
      { title: "Number", cell: (row) => row.number }, { title: "Issued", cell: (row) => html`<${Time} at=${row.createdAt} />` },
      { title: "Reason", cell: (row) => row.reason ?? "" }, { title: "Total", number: true, cell: money("total") },
      { title: "Off this invoice", number: true, cell: money("toInvoice") }, { title: "To the balance", number: true, cell: money("toBalance") },
      { title: "To the card", number: true, cell: money("toRefund") },
    ]} />`;
}

function Disputes({ rows }) {
  return html`<${Rows} rows=${rows} caption="Disputes" rowHref=${(row) => href(`/disputes/${row.id}`)}
    columns=${[
      { title: "Opened", cell: (row) => html`<${Time} at=${row.createdAt} />` }, { title: "State", cell: (row) => html`<${Badge} state=${row.status} />` },
      { title: "Reason", cell: (row) => words(row.reason) }, { title: "Amount", number: true, cell: (row) => html`<${Money} of=${row.amount} in=${row.currency} />` },
    ]} />`;
}
