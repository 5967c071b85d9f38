// Bytes of the user's, seen from this realm, and what their beginning tells.

const { base64Slice, bufferFrom, bytesOf, isAnyArrayBuffer, utf8Slice, world } = require("../references.cjs");
const { toBytes } = require("../output.cjs");

const dataOf = Object.getOwnPropertyDescriptors(DataView.prototype);

/** A view of a buffer, or of what is a part of one; null for anything else. */
function bytesIn(value) {
  if (isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return null;
  const isTyped = Reflect.apply(bytesOf[Symbol.toStringTag].get, value, []) !== undefined;
  const get = (name) => Reflect.apply((isTyped ? bytesOf : dataOf)[name].get, value, []);
  return new Uint8Array(get("buffer"), get("byteOffset"), get("byteLength"));
}

function toBase64(bytes) {
  return Reflect.apply(base64Slice, bufferFrom(bytes.buffer, bytes.byteOffset, bytes.byteLength), [0, bytes.length]);
}

/** Null for what is not base64. */
function fromBase64(text) {
  const compact = text.replace(/\s+/g, "");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(compact) ? toBytes(bufferFrom(compact, "base64")) : null;
}

function textIn(bytes) {
  return Reflect.apply(utf8Slice, bufferFrom(bytes.buffer, bytes.byteOffset, bytes.byteLength), [0, bytes.length]);
}

function isBlob(value) {
  return typeof world.Blob === "function" && value instanceof world.Blob;
}

/** The picture's media type by its beginning; null if it is none that is known. */
function sniff(bytes) {
  const start = latin(bytes, 0, 16);
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (start.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "image/gif";
  if (start.startsWith("RIFF") && start.slice(8, 12) === "WEBP") return "image/webp";
  return /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]/.test(
    latin(bytes, 0, 1000),
  )
    ? "image/svg+xml"
    : null;
}

/** The pixels of a PNG, JPEG, GIF or WebP; null where they are not told. */
function sidesOf(bytes, mediaType) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (mediaType === "image/png") return [view.getUint32(16), view.getUint32(20)];
    if (mediaType === "image/gif") return [view.getUint16(6, true), view.getUint16(8, true)];
    return mediaType === "image/webp" ? webpSides(bytes, view) : jpegSides(view);
  } catch {
    // It ends before.
    return null;
  }
}

function webpSides(bytes, view) {
  const chunk = latin(bytes, 12, 16);
  if (chunk === "VP8 ") return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (chunk === "VP8L") {
    const packed = view.getUint32(21, true);
    return [(packed & 0x3fff) + 1, ((packed >>> 14) & 0x3fff) + 1];
  }
  const side = (at) => (view.getUint32(at - 1, true) >>> 8) + 1;
  return chunk === "VP8X" ? [side(24), side(27)] : null;
}

function jpegSides(view) {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

function latin(bytes, from, to) {
  return String.fromCharCode(...bytes.subarray(from, to));
}

module.exports = { bytesIn, fromBase64, isBlob, sidesOf, sniff, textIn, toBase64 };
