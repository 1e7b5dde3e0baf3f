/** The documents of an invoice or a credit note: PDF in a language, and as an e-invoice. */

import { html, useId, useState } from "../vendor/preact.js";
import { download } from "../lib/api.js";
import { Action, announce, Problem } from "./parts.js";

/** What the API has words for. */
const LANGUAGES = [["en", "English"], ["de", "Deutsch"], ["fr", "Français"], ["es", "Español"]];

/** @param {{path: string, name: string, locale?: string, unless?: string|null}} props path: of the API; name: of the file; locale: its own */
export function Documents({ path, name, locale, unless = null }) {
  const own = locale?.split("-")[0];
  const [language, setLanguage] = useState("");
  const [status, setStatus] = useState({ busy: null, error: null });
  const id = useId();
  const get = (kind, file, query) => async () => {
    setStatus({ busy: kind, error: null });
    const error = await download(`${path}/${kind}`, file, query).then(() => null, (refusal) => refusal);
    setStatus({ busy: null, error });
    if (!error) announce(`${file} is there`);
  };
  const waits = status.busy ? "It is being made." : null;
  return html`<div class="buttons">
      <label for=${id}>Language</label>
      <select id=${id} class="short" value=${language} onChange=${(event) => setLanguage(event.target.value)}>
        <option value="">${own ? `its own (${own})` : "its own"}</option>
        ${LANGUAGES.map(([value, text]) => html`<option value=${value} lang=${value}>${text}</option>`)}
      </select>
      <${Action} scope="billing:read" unless=${waits} onClick=${get("pdf", `${name}.pdf`, { locale: language })}>Download PDF<//>
      <${Action} scope="billing:read" unless=${unless ?? waits} onClick=${get("xml", `${name}.xml`, { format: "xrechnung" })}>Download XRechnung<//>
      <${Action} scope="billing:read" unless=${unless ?? waits} onClick=${get("xml", `${name}-factur-x.xml`, { format: "factur-x" })}>Download Factur-X XML<//>
    </div>
    <${Problem} error=${status.error} />`;
}
