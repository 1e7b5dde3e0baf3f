/** A secret that is shown once. */

import { html } from "../vendor/preact.js";
import { Copy } from "./parts.js";

/** @param {{name: string, value: string|null}} props */
export function Secret({ name, value }) {
  return html`<div class="secret"><p><strong>${name}</strong>: it is shown now and never again.</p>
    <pre tabindex="0"><code>${value ?? "It was shown already."}</code></pre>${value && html`<${Copy} text=${value} what=${name} />`}</div>`;
}
