/**
 * Dialogs of actions. Each has one Idempotency-Key, made when it opens and kept while the same thing is sent again, so that a
 * double click or a lost answer is harmless; another body is another request, and has a key of its own.
 */

import { html, signal, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { call, curl, newKey } from "../lib/api.js";
import { Field, filled, wrong } from "./form.js";
import { announce, ApiCall, Problem } from "./told.js";

const shown = signal(null);

/**
 * Ask, then call the API.
 * @param {{
 *   title: string, method?: string, path: string | ((values: object) => string), fields?: object[], initial?: object,
 *   body?: (values: object) => object, text?: any, headers?: object, submit?: string, danger?: boolean,
 *   preview?: (values: object) => Promise<any>, done?: (data: any, values: object) => any, changed?: () => void, said?: string,
 *   check?: (values: object) => Record<string, string>, wide?: boolean,
 * }} action
 *   fields: see form.js; body: of the values what is sent (all of them, where it is left out; null: no body);
 *   preview: shows what would happen; the button to confirm comes after it. It gives what is to be shown, or throws;
 *   done: after it; what it gives is shown in the dialog (a secret that is shown once), nothing closes it;
 *   changed: reads anew what the page shows; after a refusal, too: a declined charge is an attempt, and a 412 says that somebody was faster;
 *   said: what is read out then.
 */
export function openDialog(action) {
  shown.value = { ...action, opened: newKey() };
}

export function closeDialog() {
  shown.value = null;
}

/** The one place in the shell in which dialogs are. */
export function DialogHost() {
  return shown.value && html`<${ActionDialog} key=${shown.value.opened} action=${shown.value} />`;
}

/**
 * A modal dialog: the focus stays inside, Escape closes it and brings the focus back to where it was.
 *
 * By a layout effect: an effect is undone a frame after the dialog is gone, and the key that is pressed meanwhile goes nowhere.
 */
export function Modal({ title, onClose, children, wide = false }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const { current } = dialog;
    current.showModal();
    current.querySelector("form input, form select, form textarea")?.focus(); // else it is on “Close”, the first there is
    return () => {
      current.close(); // while it is modal, nothing outside takes the focus
      before?.focus?.();
    };
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? "wide" : ""} aria-labelledby="dialog-title"
      onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <div class="dialog-head"><h2 id="dialog-title">${title}</h2>
      <button type="button" class="close" aria-label="Close" onClick=${onClose}>✕</button></div>
    ${children}
  </dialog>`;
}

function ActionDialog({ action }) {
  const { fields = [], method = "POST" } = action;
  const [values, setValues] = useState(() => filled(fields, action.initial));
  const [status, setStatus] = useState({ busy: false, error: null, preview: null, result: null });
  const [problems, setProblems] = useState({});
  const key = useRef({ key: action.opened, body: null });
  const body = useMemo(() => sentBody(action, values), [values, status.preview]); // a preview may fix what is sent: a date, a version
  const path = typeof action.path === "function" ? action.path(values) : action.path;
  const unknown = Boolean(status.error?.isUnknown);

  const change = (name, value) => {
    setValues((before) => ({ ...before, [name]: value }));
    setStatus((before) => ({ ...before, preview: null }));
  };

  const submit = async (event) => {
    event.preventDefault();
    if (status.busy) return;
    const found = { ...wrong(fields, values), ...(action.check?.(values) ?? {}) };
    setProblems(found);
    if (Object.keys(found).length > 0) {
      focusFirst(event.target);
      return;
    }
    const confirmed = !action.preview || Boolean(status.preview);
    setStatus((before) => ({ ...before, busy: true, error: null }));
    try {
      if (!confirmed) {
        const preview = await action.preview(values);
        setStatus({ busy: false, error: null, preview, result: null });
        return;
      }
      const { data } = await call(method, path, { body, key: keyFor(key.current, [path, body, action.headers]), headers: action.headers });
      action.changed?.();
      const result = await action.done?.(data, values);
      announce(action.said ?? `${action.title}: done`);
      if (result) setStatus({ busy: false, error: null, preview: null, result });
      else closeDialog();
    } catch (error) {
      if (confirmed) action.changed?.();
      setProblems(byField(error, fields));
      // Nobody knows whether it happened: what was previewed stays, so that trying again is the very same request.
      setStatus((before) => ({ ...before, busy: false, error, preview: error.isUnknown ? before.preview : null }));
    }
  };

  if (status.result) {
    return html`<${Modal} title=${action.title} onClose=${closeDialog}>${status.result}
      <div class="buttons"><button type="button" class="primary" onClick=${closeDialog}>Done</button></div><//>`;
  }
  const confirms = !action.preview || status.preview;
  return html`<${Modal} title=${action.title} onClose=${closeDialog} wide=${action.wide}>
    <form onSubmit=${submit} noValidate>
      ${action.text && html`<div class="text">${action.text}</div>`}
      <fieldset disabled=${unknown || status.busy}>
        ${fields.filter((each) => !each.when || each.when(values)).map((each) => html`<${Field} key=${each.name} field=${each} value=${values[each.name]} values=${values}
          problem=${problems[each.name]} onChange=${(value) => change(each.name, value)} />`)}
      </fieldset>
      ${status.preview && html`<div class="preview" role="status">${status.preview}</div>`}
      ${unknown && html`<p class="warn">Nobody knows yet whether this happened. Try again: it is the same request, and cannot happen twice.</p>`}
      <${Problem} error=${status.error} />
      ${status.error?.code === "subscription.amount_changed" && html`<p class="warn">What it bills changed since the preview, and nothing was done. A new preview shows the sums as they are now.</p>`}
      ${status.error?.code === "resource.version_mismatch" && html`<p class="warn">Somebody changed it meanwhile, and nothing was done. Close this, look at it as it is now, and begin again.</p>`}
      <div class="buttons">
        <button type="submit" class=${action.danger && confirms ? "danger" : "primary"} disabled=${status.busy}>
          ${status.busy ? "Working…" : unknown ? "Try again" : confirms ? (action.submit ?? action.title) : "Preview"}</button>
        <button type="button" onClick=${closeDialog}>Cancel</button>
      </div>
      <${ApiCall} text=${curl(method, path, { body, key: key.current.key })} />
    </form>
  <//>`;
}

function sentBody(action, values) {
  if (action.body === null) return undefined;
  const kept = Object.fromEntries((action.fields ?? []).map((each) => [each.name, values[each.name]]));
  return action.body ? action.body(values) : kept;
}

/** The key of this dialog for this request; another body or version, once one was sent, is another request. */
function keyFor(kept, request) {
  const text = JSON.stringify(request);
  if (kept.body !== null && kept.body !== text) kept.key = newKey();
  kept.body = text;
  return kept.key;
}

/** The API names fields as the body does: "address.country" is shown at the field of this name, or of its first part. */
function byField(error, fields) {
  const names = new Set(fields.map((each) => each.name));
  const found = {};
  for (const { field, reason } of error.details ?? []) {
    const name = names.has(field) ? field : String(field ?? "").split(/[.[]/)[0];
    if (names.has(name)) found[name] = String(reason).replaceAll("_", " ");
  }
  return found;
}

function focusFirst(form) {
  setTimeout(() => form.querySelector("[aria-invalid=true]")?.focus(), 0);
}
