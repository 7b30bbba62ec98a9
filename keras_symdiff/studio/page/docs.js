/** Shows openapi.json: each route with what it takes and gives. */

const token = new URLSearchParams(location.search).get("token");
const address = "/openapi.json" + (token ? "?" + new URLSearchParams({token}) : "");
document.getElementById("json").href = address;
const api = await (await fetch(address)).json();

/** An element with text or elements in it; text is never read as HTML. */
function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

const resolve = (schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema);

/** A type in a few words: `array of string`, `integer or null`. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.prefixItems) return `(${schema.prefixItems.map(typeOf).join(", ")})`;
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.contentMediaType || schema.format === "binary") return "file";
  return schema.type ?? "anything";
}

function table(rows) {
  const body = element("tbody");
  for (const [name, type, value, text] of rows)
    body.append(
      element("tr", element("td", element("code", name)), element("td", type), element("td", value), element("td", text)),
    );
  const head = element("tr", ...["Name", "Type", "Default", ""].map((text) => element("th", text)));
  return element("table", element("thead", head), body);
}

function fields(schema) {
  const {properties = {}, required = []} = resolve(schema) ?? {};
  return Object.entries(properties).map(([name, field]) => [
    name,
    typeOf(field),
    required.includes(name) ? "needed" : JSON.stringify(field.default ?? null),
    field.description ?? "",
  ]);
}

function route(method, path, operation) {
  const parts = element("div", element("p", (operation.description ?? "").trim()));
  const parameters = (operation.parameters ?? []).map(({name, schema, required, description}) => [
    name,
    typeOf(schema),
    required ? "needed" : JSON.stringify(schema.default ?? null),
    description ?? "",
  ]);
  if (parameters.length) parts.append(element("h3", "In the address"), table(parameters));
  for (const [kind, {schema}] of Object.entries(operation.requestBody?.content ?? {}))
    parts.append(element("h3", "Body, ", element("code", kind)), table(fields(schema)));
  for (const [status, answer] of Object.entries(operation.responses)) {
    if (!/^2/.test(status)) continue;
    for (const [kind, {schema}] of Object.entries(answer.content ?? {})) {
      parts.append(element("h3", `Answer ${status}, `, element("code", kind)));
      if (fields(schema).length) parts.append(table(fields(schema).map(([name, type, , text]) => [name, type, "", text])));
    }
  }
  return element("details", element("summary", element("b", method.toUpperCase()), " ", element("code", path)), parts);
}

const routes = document.getElementById("routes");
routes.replaceChildren();
const groups = new Map();
for (const [path, methods] of Object.entries(api.paths))
  for (const [method, operation] of Object.entries(methods)) {
    const name = operation.tags?.[0] ?? "Other";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(route(method, path, operation));
  }
for (const [name, parts] of groups) routes.append(element("h2", name), ...parts);
const names = Object.keys(api.components.schemas).filter((name) => ["Bar", "TrackView", "TakeView", "Defaults"].includes(name));
routes.append(element("h2", "Parts of answers"));
for (const name of names)
  routes.append(element("details", element("summary", element("code", name)), element("div", table(fields(api.components.schemas[name])))));
