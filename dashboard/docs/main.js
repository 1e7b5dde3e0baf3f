/** The API's reference: what openapi.json says, an operation at a time, with a search over paths, texts and fields. */

import { html, render, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { said } from "../ui/told.js";
import { Errors, Introduction, Operation, Webhooks } from "./reader.js";
import { content, names, operations, use } from "./schema.js";

const fragment = () => decodeURIComponent(window.location.hash.slice(1));

/** What an operation is found by: method, path, words, and every field of what it takes and gives. */
function findable({ method, path, operation, scope }) {
  const bodies = [content(operation.requestBody).schema, ...Object.values(operation.responses).map((each) => content(each).schema)];
  const parameters = (operation.parameters ?? []).map((each) => each.name ?? each.$ref?.split("/").at(-1));
  return [method, path, operation.summary, operation.description, scope, ...parameters, ...bodies.flatMap((each) => names(each))].join(" ").toLowerCase();
}

function Reader({ spec }) {
  const calls = useMemo(() => operations(spec), [spec]);
  const texts = useMemo(() => new Map(calls.map((each) => [each.id, findable(each)])), [calls]);
  const [at, setAt] = useState(fragment());
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const first = useRef(true);
  useEffect(() => {
    const moved = () => { setAt(fragment()); setOpen(false); };
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    const target = at.startsWith("errors_") ? document.getElementById(at) : null;
    if (target) target.scrollIntoView({ block: "center" });
    else if (!first.current) {
      window.scrollTo(0, 0);
      document.querySelector("main h1")?.focus({ preventScroll: true });
    }
    first.current = false;
    document.title = `${calls.find((each) => each.id === at)?.operation.summary ?? "Ledgerline API"} · API reference`;
  }, [at]);
  const wanted = typed.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const shown = calls.filter((each) => wanted.every((word) => texts.get(each.id).includes(word)));
  const call = calls.find((each) => each.id === at);
  return html`<a class="skip" href="#page" onClick=${(event) => { event.preventDefault(); document.querySelector("main h1").focus(); }}>Skip to the page</a>
    <header class="top"><button type="button" class="menu" aria-expanded=${open ? "true" : "false"} aria-controls="nav" onClick=${() => setOpen(!open)}>Menu</button>
      <a class="brand" href="#">Ledgerline API</a>
      <div class="search"><input type="search" aria-label="Search for routes, words and fields" placeholder="Search: refund, cancelAtPeriodEnd" value=${typed}
        onInput=${(event) => { setTyped(event.target.value); setOpen(true); }} /></div></header>
    <div class="below"><nav id="nav" class=${open ? "open" : ""} aria-label="Routes">
      <p class="quiet" role="status">${wanted.length ? `${shown.length} of ${calls.length} calls` : `${calls.length} calls`}</p>
      <ul><li><a href="#">Introduction</a></li><li><a href="#errors">Errors</a></li><li><a href="#webhooks">Events</a></li></ul>
      ${spec.tags.map((tag) => {
        const mine = shown.filter((each) => each.tag === tag.name);
        return mine.length > 0 && html`<div class="group" key=${tag.name}><h2>${tag.name.replaceAll("-", " ")}</h2><ul>${mine.map((each) => html`<li key=${each.id}>
          <a href=${`#${each.id}`} aria-current=${each.id === at ? "page" : undefined}><span class=${`method ${each.method}`}>${each.method}</span> <span class="path">${each.path}</span></a></li>`)}</ul></div>`;
      })}
    </nav><main id="page">${call ? html`<${Operation} key=${at} call=${call} />` : at.startsWith("errors") ? html`<${Errors} spec=${spec} anchor=${at} />` : at === "webhooks" ? html`<${Webhooks} spec=${spec} />` : html`<${Introduction} spec=${spec} />`}</main></div>
    <div class="toast" role="status" aria-live="polite">${said.value}</div>`;
}

const root = document.getElementById("app");
root.replaceChildren();
fetch("/openapi.json").then((answer) => {
  if (!answer.ok) throw new Error(`openapi.json answered ${answer.status}`);
  return answer.json();
}).then((spec) => {
  use(spec);
  render(html`<${Reader} spec=${spec} />`, root);
}, (error) => render(html`<main class="alone"><h1>Ledgerline API</h1><p class="wrong">The description could not be read: ${error.message}</p></main>`, root));
