/** One operation, the introduction, or the errors: whatever the address's fragment names. */

import { html, useState } from "../vendor/preact.js";
import { Copy } from "../ui/told.js";
import { content, example, inside, kind, limits, resolve } from "./schema.js";
import { LANGUAGES } from "./samples.js";
import { Try } from "./try.js";

/** `code` and **strong** are all of Markdown that the document uses inside a line. */
export function Words({ text }) {
  return (text ?? "").split(/(`[^`]+`|\*\*[^*]+\*\*)/).filter(Boolean).map((part) => {
    if (part.startsWith("`")) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.startsWith("**")) return html`<strong>${part.slice(2, -2)}</strong>`;
    return part;
  });
}

export function Introduction({ spec }) {
  const blocks = spec.info.description.trim().split(/\n\n+/);
  return html`<h1 tabindex="-1">Ledgerline API</h1><p class="quiet">Version ${spec.info.version} · <a href="/openapi.json">openapi.json</a></p>
    ${blocks.map((block) => (block.startsWith("- ")
      ? html`<ul>${block.split(/\n- |^- /).filter(Boolean).map((item) => html`<li><${Words} text=${item.replace(/\s+/g, " ")} /></li>`)}</ul>`
      : html`<p><${Words} text=${block.replace(/\s+/g, " ")} /></p>`))}
    <h2>Webhooks</h2><p>What is sent to your endpoints: <a href="#webhooks">all events</a>.</p>`;
}

/** Where documentation_url of an error's body leads. */
export function Errors({ spec, anchor }) {
  return html`<h1 tabindex="-1">Errors</h1><div class="scroll" tabindex="0" role="region" aria-label="Codes of errors"><table><caption class="hidden">Codes of errors</caption><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead>
    <tbody>${(spec["x-errors"] ?? []).map((each) => html`<tr id=${each.anchor} class=${each.anchor === anchor ? "chosen" : ""}><th scope="row"><code>${each.code}</code></th><td>${each.status}</td><td><${Words} text=${each.explanation} /></td></tr>`)}</tbody></table></div>`;
}

export function Webhooks({ spec }) {
  return html`<h1 tabindex="-1">Events</h1>${Object.entries(spec.webhooks ?? {}).map(([name, item]) => html`<details key=${name}><summary><code>${name}</code> ${item.post?.summary}</summary>
    <${Opened}>${() => html`<p><${Words} text=${item.post?.description} /></p><${Fields} schema=${resolve(content(item.post?.requestBody).schema)} />`}<//></details>`)}`;
}

/** What is inside of <details>, drawn when it is opened first: a page of all fields would be 60,000 nodes. */
function Opened({ children }) {
  const [open, setOpen] = useState(false);
  const watch = (node) => node?.parentElement?.addEventListener("toggle", () => setOpen(true), { once: true });
  return html`<div class="inner" ref=${watch}>${open && children()}</div>`;
}

export function Fields({ schema, needed = false }) {
  const rows = Object.entries(schema?.properties ?? {});
  if (rows.length === 0) return null;
  return html`<table class="fields"><tbody>${rows.map(([name, field]) => {
    const child = inside(field);
    const about = resolve(field);
    return html`<tr key=${name}><th scope="row"><code>${name}</code>${needed && schema.required?.includes(name) && html` <span class="needed">required</span>`}</th>
      <td class="quiet">${kind(field)}</td>
      <td><${Words} text=${field.description ?? about.description} /> <span class="quiet">${limits(about)}</span>
        ${child?.properties && html`<details><summary>fields of ${name}</summary><${Opened}>${() => html`<${Fields} schema=${child} needed=${needed} />`}<//></details>`}</td></tr>`;
  })}</tbody></table>`;
}

export function Operation({ call }) {
  const { method, path, operation, scope } = call;
  const [language, setLanguage] = useState("curl");
  const parameters = (operation.parameters ?? []).map(resolve);
  const body = content(operation.requestBody);
  const text = LANGUAGES[language][1](call);
  const more = (operation.description ?? "").replace(/Needs the scope `[^`]+`\.\s*|Open to everybody\.\s*/, "");
  return html`<h1 tabindex="-1"><span class=${`method ${method}`}>${method}</span> <span class="path">${path}</span></h1>
    <p><${Words} text=${operation.summary} /> ${more && html`<${Words} text=${more} />`}</p>
    <p class="quiet">${scope ? html`Needs the scope <code>${scope}</code>.` : "Needs no API key."}</p>
    <div class="sample"><div class="tabs" role="group" aria-label="Language">${Object.entries(LANGUAGES).map(([name, [title]]) => html`<button type="button" aria-pressed=${name === language ? "true" : "false"} onClick=${() => setLanguage(name)}>${title}</button>`)}
      <${Copy} text=${text} what="the call" /></div><pre tabindex="0"><code>${text}</code></pre></div>
    ${scope && html`<${Try} key=${call.id} call=${call} />`}
    ${parameters.length > 0 && html`<h2>Parameters</h2><table class="fields"><tbody>${parameters.map((each) => html`<tr><th scope="row"><code>${each.name}</code>${each.required && html` <span class="needed">required</span>`}</th>
      <td class="quiet">${each.in}, ${kind(each.schema)}</td><td><${Words} text=${each.description} /> <span class="quiet">${limits(resolve(each.schema))}</span></td></tr>`)}</tbody></table>`}
    ${operation.requestBody && html`<h2>Body</h2>${example(operation) !== undefined && html`<pre tabindex="0"><code>${JSON.stringify(example(operation), null, 2)}</code></pre>`}<${Fields} schema=${inside(body.schema)} needed />`}
    <h2>Responses</h2>${Object.entries(operation.responses).map(([status, response]) => html`<${Response} key=${status} status=${status} response=${resolve(response)} />`)}`;
}

function Response({ status, response }) {
  const { type, schema } = content(response);
  const object = inside(schema);
  const data = status < 400 ? object?.properties?.data : null;
  const names = Object.keys(response.headers ?? {});
  return html`<details><summary><strong>${status}</strong> <${Words} text=${response.description} /> ${type && type !== "application/json" && html`<code>${type}</code>`}</summary><${Opened}>${() => html`
    ${data ? html`<p><code>data</code>: ${kind(data)}</p><${Fields} schema=${inside(data)} />` : html`<${Fields} schema=${object} />`}
    ${names.length > 0 && html`<p>Headers: ${names.map((each) => html`<code>${each}</code> `)}</p>`}`}<//></details>`;
}
