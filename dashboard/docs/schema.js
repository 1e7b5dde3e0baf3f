/** Reads an OpenAPI 3.1 document: what a schema is in a word, what limits it, which fields it has. */

let document_ = null;

/** The document that references point into. */
export function use(spec) {
  document_ = spec;
}

const at = (reference) => reference.slice(2).split("/").reduce((value, key) => value[key.replaceAll("~1", "/")], document_);

/** What a reference points to; anything else as it is. */
export const resolve = (value) => (value?.$ref ? at(value.$ref) : value);

const variants = (schema) => (schema.anyOf ?? schema.oneOf ?? []).filter((each) => each.type !== "null");

/** "array of Line", "string or null". */
export function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const nullable = (schema.anyOf ?? []).some((each) => each.type === "null") ? " or null" : "";
  if (schema.anyOf) return variants(schema).map(kind).join(" or ") + nullable;
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `array of ${kind(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties?.type) return `object of ${kind(schema.additionalProperties)}`;
  if (schema.type === "object" && schema.patternProperties) return `object of ${kind(Object.values(schema.patternProperties)[0])}`;
  if (schema.format === "date-time") return "time";
  return Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type ?? "any";
}

/** "1 to 100, default 20". */
export function limits(schema) {
  const inner = schema.anyOf && variants(schema).length === 1 ? { ...schema, ...variants(schema)[0] } : schema;
  const range = (least, most, unit) => {
    if (least === undefined && most === undefined) return null;
    const said = least === undefined ? `at most ${most}` : most === undefined ? `at least ${least}` : `${least} to ${most}`;
    return said + unit;
  };
  const plain = inner.default !== undefined && inner.default !== null && typeof inner.default !== "object" && inner.default !== "";
  return [
    range(inner.minimum, inner.maximum, ""), range(inner.minLength, inner.maxLength, " characters"), range(inner.minItems, inner.maxItems, " items"),
    inner.pattern && `matches ${inner.pattern}`, plain && `default ${JSON.stringify(inner.default)}`,
  ].filter(Boolean).join(", ");
}

/** The object inside an array or an optional, where there is one to open. */
export function inside(schema) {
  if (!schema) return null;
  if (schema.$ref) return inside(at(schema.$ref));
  if (schema.type === "array") return inside(schema.items);
  const found = variants(schema);
  if (found.length === 1) return inside(found[0]);
  return schema.properties ? schema : null;
}

/** The names of all fields in a schema, to search over; each schema once. */
export function names(schema, seen = new Set()) {
  const object = inside(schema);
  if (!object || seen.has(object)) return [];
  seen.add(object);
  return Object.entries(object.properties ?? {}).flatMap(([name, field]) => [name, ...names(field, seen)]);
}

const METHODS = ["get", "post", "patch", "put", "delete"];

/** Every operation: {id, method, path, operation, tag, scope}. */
export function operations(spec) {
  return Object.entries(spec.paths).flatMap(([path, item]) => METHODS.filter((each) => item[each]).map((method) => {
    const operation = item[method];
    return { id: operation.operationId, method, path, operation, tag: operation.tags?.[0] ?? "other", scope: (operation.security ?? []).flatMap((each) => Object.values(each).flat())[0] };
  }));
}

/** The media type and schema of a body. */
export function content(body) {
  const [type, found] = Object.entries(resolve(body)?.content ?? {})[0] ?? [];
  return { type, ...found };
}

/** An example of a request's body, if the document has one. */
export function example(operation) {
  const found = content(operation.requestBody);
  return found.example ?? Object.values(found.examples ?? {})[0]?.value;
}
