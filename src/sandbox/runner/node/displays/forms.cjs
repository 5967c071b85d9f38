// The forms that a value has: by the media type that is given with it, by what it is, or by what its own methods say.

const { inspect, isPromise } = require("../references.cjs");
const { withoutOwnFrames } = require("../errors.cjs");
const { BUNDLE, FORMS, isCanvas } = require("../showing.cjs");
const { bytesIn, fromBase64, isBlob, sniff } = require("./bytes.cjs");

/** `data`: by media type, bytes or text of the user's, or promises of such. */
function shownAs(data, notes = []) {
  return { data, notes, path: null };
}

/** Of a value that comes with a media type. */
function formsAs(value, mediaType) {
  if (typeof value === "string" || bytesIn(value) !== null || isBlob(value)) return shownAs({ [mediaType]: value });
  if (mediaType.endsWith("json")) return shownAs({ [mediaType]: JSON.stringify(value) ?? "null" });
  return formsOf(value);
}

/** Null for what has none but its text. */
function formsOf(value) {
  if (typeof value === "string") return ofDataUrl(value);
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return null;
  const bytes = bytesIn(value);
  if (bytes !== null) {
    const mediaType = sniff(bytes);
    return mediaType === null ? null : shownAs({ [mediaType]: bytes });
  }
  if (isBlob(value)) return shownAs({ [value.type]: value });
  const shown = ofMethods(value);
  if (Object.keys(shown.data).length === 0 && isCanvas(value)) ofCanvas(value, shown);
  return Object.keys(shown.data).length + shown.notes.length > 0 ? shown : null;
}

function ofDataUrl(text) {
  const [, mediaType, base64] = /^data:(image\/[\w.+-]+);base64,(.*)$/s.exec(text) ?? [];
  return mediaType === undefined ? null : shownAs({ [mediaType]: fromBase64(base64) ?? "" });
}

function ofMethods(value) {
  const shown = shownAs({});
  const bundle = ask(value, BUNDLE, shown.notes);
  if (typeof bundle === "object" && bundle !== null && !isPromise(bundle)) Object.assign(shown.data, bundle);
  for (const [name, mediaType] of FORMS) {
    if (mediaType in shown.data || (mediaType === "image/jpeg" && "image/png" in shown.data)) continue;
    const form = ask(value, name, shown.notes);
    if (form === undefined || form === null) continue;
    const isOwnText = typeof form === "string" || isPromise(form) || mediaType !== "application/json";
    shown.data[mediaType] = isOwnText ? form : JSON.stringify(form);
  }
  return shown;
}

/** What the method gives, without the metadata that may come with it. */
function ask(value, name, notes) {
  try {
    const method = value[Symbol.for(name)] ?? value[name];
    if (typeof method !== "function") return undefined;
    const form = Reflect.apply(method, value, []);
    return Array.isArray(form) && form.length === 2 && name !== "_repr_json_" ? form[0] : form;
  } catch (error) {
    notes.push(`its ${name} failed: ${oneLine(error)}`);
    return undefined;
  }
}

function ofCanvas(canvas, shown) {
  try {
    shown.data["image/png"] = canvas.toBuffer("image/png");
  } catch (error) {
    shown.notes.push(`its toBuffer failed: ${oneLine(error)}`);
  }
}

/** As the prompt has it. */
function textOf(value) {
  try {
    return withoutOwnFrames(inspect(value, { showProxy: true }));
  } catch (error) {
    return `[a value that cannot be shown: ${oneLine(error)}]`;
  }
}

function oneLine(error) {
  try {
    return String(error).replace(/\s+/g, " ").slice(0, 300);
  } catch {
    return "an error that cannot be shown";
  }
}

module.exports = { formsAs, formsOf, oneLine, shownAs, textOf };
