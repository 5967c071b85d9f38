// Makes a PNG smaller: takes it apart, averages its pixels, and puts fewer of them together. Only what canvases and chart libraries write, which is
// 8 bits a channel and not interlaced.

const { node } = require("../references.cjs");
const { toBytes } = require("../output.cjs");

// Taken once: to look up a global takes long in a realm of its own.
const { abs, floor, max, min, round } = Math;
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Channels by PNG's type of colour: grey, RGB, palette, grey with alpha, RGBA. */
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** What is taken apart at most: it takes about eight bytes a pixel. */
const MAX_PIXELS = 40_000_000;
/** A picture is not made smaller than this to fit: it goes to a file. Pixels of its longer side. */
const MIN_SIDE = 400;
const ATTEMPTS = 5;

/** A picture whose sides are at most `maxSide` and that `isShort`; null if none can be made. */
function shrink(bytes, maxSide, isShort) {
  try {
    const picture = decode(bytes);
    if (picture === null) return null;
    let side = min(maxSide, max(picture.width, picture.height));
    for (let attempt = 0; attempt < ATTEMPTS && side >= MIN_SIDE; attempt += 1) {
      const smaller = scaled(picture, side / max(picture.width, picture.height));
      const encoded = encodePicture(smaller);
      if (isShort(encoded)) return { bytes: encoded, sides: [smaller.width, smaller.height] };
      side = floor(side * 0.75);
    }
  } catch {
    // It is damaged, or there is no memory for it.
  }
  return null;
}

/** Null for what is of another kind. */
function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colour, , , interlaced] = bytes.subarray(24, 29);
  const channels = CHANNELS[colour];
  if (depth !== 8 || channels === undefined || interlaced !== 0 || width * height > MAX_PIXELS) return null;
  const { idat, palette, alphas } = chunksOf(bytes, view);
  const stride = width * channels;
  const packed = node.load("node:zlib").inflateSync(idat, { maxOutputLength: (stride + 1) * height });
  const rows = unfiltered(toBytes(packed), stride, height, channels);
  return { width, height, channels, rows, colour, palette, alphas };
}

function chunksOf(bytes, view) {
  const parts = [];
  let palette = null;
  let alphas = null;
  for (let at = 8; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (type === "IDAT") parts.push(data);
    else if (type === "PLTE") palette = data;
    else if (type === "tRNS") alphas = data;
    at += length + 12;
  }
  return { idat: joined(parts), palette, alphas };
}

/** In place, row by row, without the byte before each that says how it is filtered. */
function unfiltered(packed, stride, height, step) {
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y += 1) {
    const from = y * (stride + 1);
    const filter = packed[from];
    const at = y * stride;
    for (let x = 0; x < stride; x += 1) {
      const left = x >= step ? rows[at + x - step] : 0;
      const up = y > 0 ? rows[at + x - stride] : 0;
      const corner = x >= step && y > 0 ? rows[at + x - stride - step] : 0;
      rows[at + x] = packed[from + 1 + x] + predicted(filter, left, up, corner);
    }
  }
  return rows;
}

function predicted(filter, left, up, corner) {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const [byLeft, byUp, byCorner] = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)];
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}

/** As RGBA: each pixel the average of those that it stands for, weighted by how much is seen of them. */
function scaled(picture, factor) {
  const width = max(1, round(picture.width * factor));
  const height = max(1, round(picture.height * factor));
  const pixels = new Uint8Array(width * height * 4);
  // Never larger than it was: every part has a pixel of its own.
  const edge = (index, count, whole) => floor((index * whole) / count);
  for (let y = 0; y < height; y += 1) {
    const top = edge(y, height, picture.height);
    const bottom = edge(y + 1, height, picture.height);
    for (let x = 0; x < width; x += 1) {
      const start = edge(x, width, picture.width);
      const end = edge(x + 1, width, picture.width);
      average(picture, start, end, top, bottom, pixels, (y * width + x) * 4);
    }
  }
  return { width, height, pixels };
}

function average(picture, start, end, top, bottom, pixels, to) {
  let red = 0;
  let green = 0;
  let blue = 0;
  let alpha = 0;
  for (let y = top; y < bottom; y += 1) {
    for (let x = start; x < end; x += 1) {
      const seen = pixelAt(picture, (y * picture.width + x) * picture.channels);
      const weight = seen & 0xff;
      red += (seen >>> 24) * weight;
      green += ((seen >>> 16) & 0xff) * weight;
      blue += ((seen >>> 8) & 0xff) * weight;
      alpha += weight;
    }
  }
  const weights = max(1, alpha);
  pixels[to] = round(red / weights);
  pixels[to + 1] = round(green / weights);
  pixels[to + 2] = round(blue / weights);
  pixels[to + 3] = round(alpha / ((end - start) * (bottom - top)));
}

/** As a number, of four bytes: red, green, blue, alpha. */
function pixelAt({ rows, colour, palette, alphas }, at) {
  if (colour === 6) return rgba(rows[at], rows[at + 1], rows[at + 2], rows[at + 3]);
  if (colour === 2) return rgba(rows[at], rows[at + 1], rows[at + 2], 255);
  if (colour === 4) return rgba(rows[at], rows[at], rows[at], rows[at + 1]);
  if (colour === 0) return rgba(rows[at], rows[at], rows[at], 255);
  const entry = rows[at] * 3;
  return rgba(palette[entry], palette[entry + 1], palette[entry + 2], alphas?.[rows[at]] ?? 255);
}

function rgba(red, green, blue, alpha) {
  return ((red << 24) | (green << 16) | (blue << 8) | alpha) >>> 0;
}

/** As RGB where nothing is seen through. Filtered by what is above, which suits charts. */
function encodePicture({ width, height, pixels }) {
  let channels = 3;
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 255) channels = 4;
  const stride = width * channels;
  const packed = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y += 1) {
    const to = y * (stride + 1);
    packed[to] = 2;
    for (let x = 0; x < stride; x += 1) {
      const at = (y * width + floor(x / channels)) * 4 + (x % channels);
      packed[to + 1 + x] = pixels[at] - (y > 0 ? pixels[at - width * 4] : 0);
    }
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, channels === 4 ? 6 : 2], 8);
  const data = toBytes(node.load("node:zlib").deflateSync(packed));
  return joined([
    new Uint8Array(SIGNATURE),
    chunk("IHDR", head),
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let at = 0; at < 4; at += 1) bytes[4 + at] = type.charCodeAt(at);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, checksum(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** CRC-32, as PNG has it. */
function checksum(bytes) {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at += 1) {
    crc ^= bytes[at];
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

module.exports = { shrink };
