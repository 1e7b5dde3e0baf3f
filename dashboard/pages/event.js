/** One event, as receivers get it. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { ApiCall, Copy, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";

export default function Event({ id }) {
  const event = useApi(`/v1/events/${id}`);
  return html`<${Loaded} from=${event}>${(data) => html`<${Heading} title=${data.type} />
    <${Facts} rows=${[["Id", html`<${Id} id=${data.id} />`], ["When", html`<${Time} at=${data.created} />`], ["Sequence", data.sequence], ["What changed", (data.data.changed ?? []).join(", ")]]} />
    <${Section} title="Payload" actions=${html`<${Copy} text=${JSON.stringify(data, null, 2)} what="the payload" />`}><pre tabindex="0"><code>${JSON.stringify(data, null, 2)}</code></pre><//>
    <${ApiCall} text=${curl("GET", `/v1/events/${id}`)} />`}<//>`;
}
