/** What the signed-in person may do, and in words why not. The API decides; the page only says it before it is tried. */

import { me } from "./session.js";

const ROLES = { admin: "an admin", finance: "in finance", support: "in support", read_only: "read-only", platform_admin: "the platform's admin" };

/** Whether a scope is held. */
export function can(scope) {
  return !scope || Boolean(me.value?.scopes?.includes(scope));
}

/** Why something cannot be done, or null. */
export function whyNot(scope) {
  if (can(scope)) return null;
  const role = ROLES[me.value?.user?.role] ?? "without that right";
  return `Needs the scope ${scope}. You are ${role}: an admin of this tenant can change that under Users.`;
}
