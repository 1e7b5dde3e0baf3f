/** One event, as receivers get it. */

import { html } from "../vendor/preact.js";
import { curl, useApi } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href } from "../lib/router.js";
import { ApiCall, Copy, Facts, Heading, Id, Loaded, Section } from "../ui/parts.js";
import { sentence } from "../ui/sentences.js";

export default function Event({ id }) {
  const event = useApi(`/v1/events/${id}`);
  return html`<${Loaded} from=${event}>${(data) => html`<${Heading} title=${data.type} />
    <${Facts} rows=${[["Id", html`<${Id} id=${data.id} />`], ["What happened", sentence(data)], ["When", html`<${Time} at=${data.created} />`], ["Its test clock showed", data.occurredAt && html`<${Time} at=${data.occurredAt} />`],
      ["Test clock", data.testClockId && html`<a href=${href(`/test-clocks/${data.testClockId}`)}>${data.testClockId}</a>`], ["Sequence", data.sequence], ["What changed", (data.data.changed ?? []).join(", ")]]} />
    <${Section} title="Payload" actions=${html`<${Copy} text=${JSON.stringify(data, null, 2)} what="the payload" />`}><pre tabindex="0"><code>${JSON.stringify(data, null, 2)}</code></pre><//>
    <${ApiCall} text=${curl("GET", `/v1/events/${id}`)} />`}<//>`;
}
