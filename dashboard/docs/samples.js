/** The same call in three languages. */

import { example, resolve } from "./schema.js";

/** The path with what has to be filled in as it stands in the document. */
const needsKey = (method) => method !== "get";

function queryOf(operation) {
  return (operation.parameters ?? []).map(resolve).filter((each) => each.in === "query" && each.required).map((each) => each.name);
}

/** The parts of a call that every language writes in its own way. */
function parts({ method, path, operation, scope }) {
  const required = queryOf(operation);
  return { verb: method.toUpperCase(), url: path + (required.length ? `?${required.map((each) => `${each}=...`).join("&")}` : ""), body: example(operation), key: needsKey(method), credential: scope !== undefined };
}

function curl(call) {
  const { verb, url, body, key, credential } = parts(call);
  const lines = [`curl -X ${verb} "$API${url}"`];
  if (credential) lines.push(`  -H "X-API-Key: $KEY"`);
  if (key && credential) lines.push(`  -H "Idempotency-Key: $(uuidgen)"`);
  if (body !== undefined) lines.push(`  -H 'Content-Type: application/json'`, `  -d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n");
}

/** JSON as Python writes it. */
function python(value, indent = 0) {
  const pad = " ".repeat(indent + 4);
  const end = " ".repeat(indent);
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return value.length ? `[\n${value.map((each) => pad + python(each, indent + 4)).join(",\n")},\n${end}]` : "[]";
  if (typeof value === "object") {
    const rows = Object.entries(value).map(([name, each]) => `${pad}${JSON.stringify(name)}: ${python(each, indent + 4)}`);
    return rows.length ? `{\n${rows.join(",\n")},\n${end}}` : "{}";
  }
  return JSON.stringify(value);
}

function inPython(call) {
  const { verb, url, body, key, credential } = parts(call);
  const headers = [credential && `"X-API-Key": os.environ["KEY"]`, key && credential && `"Idempotency-Key": str(uuid.uuid4())`].filter(Boolean);
  return [
    "import os", key && credential ? "import uuid" : null, "", "import requests", "",
    "answer = requests.request(", `    ${JSON.stringify(verb)},`, `    os.environ["API"] + ${JSON.stringify(url)},`,
    `    headers={${headers.join(", ")}},`, body === undefined ? null : `    json=${python(body, 4)},`, "    timeout=30,", ")", "answer.raise_for_status()", "print(answer.json())",
  ].filter((each) => each !== null).join("\n");
}

function typescript(call) {
  const { verb, url, body, key, credential } = parts(call);
  const headers = [credential && `"X-API-Key": process.env.KEY!`, key && credential && `"Idempotency-Key": crypto.randomUUID()`, body !== undefined && `"Content-Type": "application/json"`].filter(Boolean);
  return [
    `const answer = await fetch(process.env.API + ${JSON.stringify(url)}, {`, `  method: ${JSON.stringify(verb)},`, `  headers: { ${headers.join(", ")} },`,
    body === undefined ? null : `  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),`, "});", "if (!answer.ok) throw new Error(await answer.text());", "const { data } = await answer.json();",
  ].filter((each) => each !== null).join("\n");
}

/** name -> [text, what makes it] */
export const LANGUAGES = { curl: ["curl", curl], python: ["Python", inPython], typescript: ["TypeScript", typescript] };
