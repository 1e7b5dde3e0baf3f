/** Reports: which there are. */

import { html } from "../vendor/preact.js";
import { can } from "../lib/access.js";
import { href } from "../lib/router.js";
import { Heading } from "../ui/parts.js";
import { REPORTS } from "./report_list.js";

export default function Reports() {
  return html`<${Heading} title="Reports" />
    <p>Each is per currency, counts a day from midnight in the tenant's zone, and agrees with the ledger. A finished month never changes. Customers on a test clock are in none but their own.</p>
    <ul class="cards plain">${Object.entries(REPORTS).filter(([, each]) => can(each.scope)).map(([name, each]) => html`<li class="card-figure">
      <h2><a href=${href(`/reports/${name}`)}>${each.title}</a></h2><p>${each.text}</p></li>`)}</ul>`;
}
