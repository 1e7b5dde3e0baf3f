// A receiver of Ledgerline's webhooks, to copy from: verify, keep, answer at once; then act.
//
//     npm ci
//     WEBHOOK_SECRET=whsec_... node receiver.mjs 9000
//
// Three things that every receiver has to do, and where they are here:
//
// - verify the signature over the bytes that came, before reading them (take);
// - know an event that comes twice: its id is `webhook-id`, the same at each attempt (seen);
// - not let an older state of an object overwrite a newer one, for events come in any order (versions).

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const LONGEST_BODY = 1024 * 1024; // ours are 256 KiB at most
// While the secret is rotated, each request is signed with both, and either will do.
const webhook = new Webhook(process.env.WEBHOOK_SECRET);

// These stand for your database: keep an event there before you answer, and mark it as done, and the object's version,
// in the transaction of what you change. What is only in memory is lost with the process, and nobody sends it again.
const seen = new Set();
const versions = new Map();
const waiting = [];

/** Keep an event, if it is one of ours and new; returns the status to answer with. */
function take(body, headers) {
  let event;
  try {
    event = webhook.verify(body, headers);
  } catch {
    return 400;
  }
  if (seen.has(event.id)) {
    console.log(`again ${event.id}`);
  } else {
    seen.add(event.id);
    waiting.push(event);
    setImmediate(work);
  }
  return 204;
}

/** Act on everything that was not acted upon. */
function work() {
  for (let event = waiting.shift(); event; event = waiting.shift()) {
    const about = event.data.object;
    if (about.version !== undefined && about.version <= (versions.get(about.id) ?? -1)) {
      console.log(`older ${event.type} ${about.id}`);
      continue;
    }
    versions.set(about.id, about.version);
    act(event);
  }
}

/** What you do about an event. A `thin` one has only id and version: GET the rest, and you have the newest. */
function act(event) {
  const about = event.data.object;
  console.log(`act ${event.type} ${about.id} ${about.version ?? "-"}`);
}

const server = createServer((request, response) => {
  const chunks = [];
  let length = 0;
  request.on("data", (chunk) => {
    length += chunk.length;
    if (length <= LONGEST_BODY) chunks.push(chunk);
  });
  request.on("end", () => {
    const status = length > LONGEST_BODY ? 413 : take(Buffer.concat(chunks).toString("utf8"), request.headers);
    response.writeHead(status).end();
  });
});
// In production this stands behind your TLS.
server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => console.log(`listening ${server.address().port}`));
