/** Trying a call, in test mode only: a key of a live tenant is not taken. The key is in this page's memory and nowhere else. */

import { html, signal, useState } from "../vendor/preact.js";
import { example, resolve } from "./schema.js";

const key = signal("");
const TEST_KEY = "llk_test_";

/** The parameters that somebody fills in. */
const asked = (operation) => (operation.parameters ?? []).map(resolve).filter((each) => each.in === "path" || each.in === "query");

function addressOf({ path, operation }, values) {
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));
  const query = asked(operation).filter((each) => each.in === "query" && values[each.name]).map((each) => [each.name, values[each.name]]);
  return filled + (query.length ? `?${new URLSearchParams(query)}` : "");
}

/** What is wrong, or null. */
function wrong(call, values, body) {
  if (!key.value.startsWith(TEST_KEY)) return `A key of a tenant in test mode, please: it begins with ${TEST_KEY}.`;
  const missing = asked(call.operation).find((each) => each.in === "path" && !values[each.name]);
  if (missing) return `${missing.name} is needed.`;
  if (body === undefined) return null;
  try {
    JSON.parse(body);
    return null;
  } catch (error) {
    return `The body is no JSON: ${error.message}`;
  }
}

export function Try({ call }) {
  const { method, operation } = call;
  const first = example(operation);
  const [values, setValues] = useState({});
  const [body, setBody] = useState(first === undefined ? "{}" : JSON.stringify(first, null, 2));
  const [answer, setAnswer] = useState(null);
  const sent = operation.requestBody ? body : undefined;
  const send = async (event) => {
    event.preventDefault();
    const problem = wrong(call, values, sent);
    if (problem) {
      setAnswer({ problem });
      return;
    }
    setAnswer({ busy: true });
    const headers = { "X-API-Key": key.value, ...(sent !== undefined && { "Content-Type": "application/json" }), ...(method !== "get" && { "Idempotency-Key": crypto.randomUUID() }) };
    try {
      const got = await fetch(addressOf(call, values), { method: method.toUpperCase(), headers, body: sent, credentials: "omit" });
      const text = (got.headers.get("Content-Type") ?? "").includes("json") ? JSON.stringify(await got.json(), null, 2) : `${(await got.blob()).size} bytes of ${got.headers.get("Content-Type")}`;
      setAnswer({ status: got.status, text, requestId: got.headers.get("X-Request-Id") });
    } catch (error) {
      setAnswer({ problem: `No answer: ${error.message}` });
    }
  };
  const input = (name, label, value, onInput, type = "text") => html`<div class="field"><label for=${`try-${name}`}>${label}</label>
    <input id=${`try-${name}`} type=${type} autocomplete="off" value=${value} onInput=${(event) => onInput(event.target.value)} /></div>`;
  return html`<details class="try"><summary>Try it, in test mode</summary><form onSubmit=${send}>
    ${input("key", "API key of a tenant in test mode", key.value, (text) => { key.value = text.trim(); }, "password")}
    ${asked(operation).map((each) => input(each.name, `${each.name}${each.in === "path" ? "" : " (optional)"}`, values[each.name] ?? "", (text) => setValues({ ...values, [each.name]: text })))}
    ${sent !== undefined && html`<div class="field"><label for="try-body">Body</label><textarea id="try-body" rows="10" spellcheck=${false} value=${body} onInput=${(event) => setBody(event.target.value)}></textarea></div>`}
    <div class="buttons"><button type="submit" class="primary" disabled=${Boolean(answer?.busy)}>Send</button></div>
    <div role="status">${answer?.problem && html`<p class="wrong">${answer.problem}</p>`}
      ${answer?.status && html`<p><strong>${answer.status}</strong> ${answer.requestId && html`<code>${answer.requestId}</code>`}</p><pre tabindex="0"><code>${answer.text}</code></pre>`}</div>
  </form></details>`;
}
