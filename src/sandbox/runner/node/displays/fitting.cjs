// What of a display goes to the host, and what to a file instead: pictures within a run's budget, and texts of a bounded size.

const { toBytes } = require("../output.cjs");
const { bytesIn, fromBase64, sidesOf, sniff, textIn, toBase64 } = require("./bytes.cjs");
const { MAX_SIDE, PICTURE_CHARACTERS, TEXT_BYTES, roomOf, whyNoRoom } = require("./limits.cjs");
const { save } = require("./saving.cjs");
const { shrink } = require("./shrinking.cjs");

const NOTE_CHARACTERS = 500;
const PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const TEXT_TYPES = ["text/plain", "text/markdown", "text/latex", "text/html", "image/svg+xml", "application/json"];

/** The display as the host gets it: its data, and a path and a note where there are such. `run`: null where there is none. */
function fitInto(run, shown) {
  const data = {};
  let hasPicture = false;
  for (const [mediaType, form] of Object.entries(shown.data)) {
    if (PICTURE_TYPES.includes(mediaType)) {
      if (!hasPicture) addPicture(run, shown, data, mediaType, form);
      hasPicture = true;
    } else if (TEXT_TYPES.includes(mediaType)) addText(shown, data, mediaType, form);
    else saveForm(shown, contentOf(form), mediaType, mediaType || "data of no type that is known");
  }
  // What has nothing to be shown has words, at least.
  if (Object.keys(data).length === 0 && shown.path === null) data["text/plain"] = "";
  return {
    data,
    ...(shown.path !== null && { path: shown.path }),
    ...(shown.notes.length > 0 && { note: shown.notes.join("; ").slice(0, NOTE_CHARACTERS) }),
  };
}

function addPicture(run, shown, data, mediaType, form) {
  let bytes = typeof form === "string" ? fromBase64(form) : bytesIn(form);
  let sides = bytes !== null && sniff(bytes) === mediaType ? sidesOf(bytes, mediaType) : null;
  if (sides === null) {
    saveForm(shown, contentOf(form), mediaType, `its ${mediaType} cannot be read`, "picture");
    return;
  }
  const room = roomOf(run);
  const limit = room || PICTURE_CHARACTERS;
  if (!isFitting(bytes, sides, limit)) {
    const smaller = mediaType === "image/png" ? shrink(bytes, MAX_SIDE, (bytes_) => isShort(bytes_, limit)) : null;
    if (smaller === null) {
      const why = isShort(bytes, limit) ? `is ${sides[0]} × ${sides[1]} pixels` : "does not fit in an answer";
      saveForm(shown, bytes, mediaType, `its ${mediaType} ${why}`, "picture");
      return;
    }
    shown.notes.push(
      `made smaller, from ${sides[0]} × ${sides[1]} to ${smaller.sides[0]} × ${smaller.sides[1]} pixels`,
    );
    ({ bytes, sides } = smaller);
  }
  if (room === 0) {
    saveForm(shown, bytes, mediaType, whyNoRoom(run), "picture");
    return;
  }
  const base64 = toBase64(bytes);
  run.pictures += 1;
  run.pictureCharacters += base64.length;
  data[mediaType] = base64;
}

function isFitting(bytes, [width, height], limit) {
  return Math.max(width, height) <= MAX_SIDE && isShort(bytes, limit);
}

function isShort(bytes, limit) {
  return Math.ceil(bytes.length / 3) * 4 <= limit;
}

function addText(shown, data, mediaType, form) {
  const text = contentOf(form);
  const bytes = toBytes(text);
  if (bytes.length <= TEXT_BYTES) data[mediaType] = typeof text === "string" ? text : textIn(text);
  else saveForm(shown, text, mediaType, `${bytes.length} bytes of ${mediaType}`);
}

/** Bytes or text. */
function contentOf(form) {
  return bytesIn(form) ?? (typeof form === "string" ? form : (JSON.stringify(form) ?? ""));
}

/** `what` it is, or why it is not shown, in a few words. */
function saveForm(shown, content, mediaType, what, stem = "display") {
  const { path, problem } = save(content, stem, mediaType);
  if (path === undefined) shown.notes.push(`${what}; it could not be saved: ${problem}`);
  else if (shown.path === null) {
    shown.notes.push(what);
    shown.path = path;
  } else {
    // The host is told of one path beside the note.
    shown.notes.push(`${what}, saved as ${path}`);
  }
}

module.exports = { fitInto };
