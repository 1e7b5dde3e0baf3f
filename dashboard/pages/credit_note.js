/** One credit note: what it took back, and where that went. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time, words } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { Documents } from "../ui/documents.js";
import { Span } from "../ui/invoice_parts.js";
import { Rows } from "../ui/list.js";
import { Address, ApiCall, Badge, Facts, Heading, Id, Loaded, Money, Section } from "../ui/parts.js";

export default function CreditNotePage({ id }) {
  const path = `/v1/credit-notes/${encodeURIComponent(id)}`;
  const note = useApi(path);
  if (!note.data) return html`<${Heading} title="Credit note" /><${Loaded} from=${note} />`;
  const it = note.data;
  const money = (micros) => html`<${Money} of=${micros} in=${it.currency} />`;
  return html`
    <${Heading} title=${it.number} />
    <p>Takes ${money(it.total)} of invoice <a href=${href(`/invoices/${it.invoiceId}`)}>${it.invoiceNumber}</a> back. A credit note never changes.</p>
    ${it.refund && html`<p>${refundSaid(it)}</p>`}
    <${Facts} rows=${[
      ["Total, with tax", money(it.total)],
      ["Off what the invoice asked for", money(it.toInvoice)],
      ["To the customer's balance", money(it.toBalance)],
      ["Back to the card", money(it.toRefund)],
      ["Reason", it.reason],
      ["Customer", html`<a href=${href(`/customers/${it.customerId}`)}>${it.buyer.name || it.customerId}</a>`],
      ["Subscription", it.subscriptionId && html`<a href=${href(`/subscriptions/${it.subscriptionId}`)}>${it.subscriptionId}</a>`],
      ["Issued", html`<${Time} at=${it.createdAt} />`],
      ...Object.entries(it.metadata).map(([name, value]) => [`metadata: ${name}`, value]),
      ["Id", html`<${Id} id=${it.id} />`],
    ]} />
    <${Section} title="Lines"><${Rows} rows=${it.lines} caption="Lines" columns=${[
      { title: "Line", cell: (line) => line.description },
      { title: "Period", cell: (line) => html`<${Span} period=${line.period} />` },
      { title: "Quantity", number: true, cell: (line) => line.quantity ?? "" },
      { title: "Net", number: true, cell: (line) => money(line.net) },
      { title: "With tax", number: true, cell: (line) => money(line.amount) },
    ]} /><//>
    <${Section} title="Tax">${it.taxes.length === 0 ? html`<p class="quiet">No tax in it.</p>` : html`<${Rows} rows=${it.taxes.map((each, index) => ({ ...each, id: String(index) }))} caption="Taxes" columns=${[
      { title: "Tax", cell: (row) => row.name }, { title: "Rate", number: true, cell: (row) => `${row.ratePercent} %` }, { title: "Tax", number: true, cell: (row) => money(row.amount) },
    ]} />`}${it.notes.map((each) => html`<p>On the document: ${each}</p>`)}<//>
    <${Section} title="Documents"><${Documents} path=${path} name=${it.number} /><//>
    <${Section} title="To"><p>${it.buyer.name}<br /><${Address} address=${it.buyer.address} /></p><//>
    <${ApiCall} text=${curl("GET", path)} />`;
}

function refundSaid({ refund, currency }) {
  const payment = html`<a href=${href(`/payments/${refund.paymentId}`)}>the payment</a>`;
  const amount = html`<${Money} of=${refund.amount} in=${currency} />`;
  if (refund.status === "succeeded") return html`<${Badge} state="succeeded" text="refunded" /> ${amount} of ${payment} went back <${Time} at=${refund.settledAt} />.`;
  if (refund.status === "failed") return html`<${Badge} state="failed" /> The refund of ${amount} of ${payment} did not arrive${refund.failureReason ? ` (${words(refund.failureReason)})` : ""}; the money went to the customer's balance.`;
  return html`<${Badge} state="pending" /> ${amount} of ${payment} is on its way back; the outcome is not known yet.`;
}
