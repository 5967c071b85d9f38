// The sides of pictures by their first bytes.

import { expect, test } from "bun:test";
import { maxPictureSidePx, maxPictures, maxPicturesLength, pictureOf } from "../../src/sandbox/picture.ts";
import nodeLimits from "../../src/sandbox/runner/node/displays/limits.cjs" with { type: "text" };
import pythonLimits from "../../src/sandbox/runner/python/displays/limits.py" with { type: "text" };
import { samplePng } from "../programs/sample.ts";

const samples = {
  png: samplePng,
  gif: "R0lGODlhAwACAIAAAP///wAAACwAAAAAAwACAAACAoRRADs=",
};

test("a PNG, a GIF, a JPEG and the three kinds of WebP tell their sides", () => {
  const jpeg = Buffer.from("ffd8ffe000104a46494600010100000100010000ffffc0001108000200030301", "hex");
  const webp = (chunk: string, rest: string) =>
    Buffer.concat([Buffer.from("RIFF\0\0\0\0WEBP"), Buffer.from(chunk), Buffer.from(rest.padEnd(60, "0"), "hex")]);
  const sides = { width: 3, height: 2 };
  expect(pictureOf(Buffer.from(samples.png, "base64"))).toEqual({ mediaType: "image/png", sides });
  expect(pictureOf(Buffer.from(samples.gif, "base64"))).toEqual({ mediaType: "image/gif", sides });
  expect(pictureOf(jpeg)).toEqual({ mediaType: "image/jpeg", sides });
  for (const data of [
    webp("VP8 ", "00000000000000" + "9d012a0300" + "0200"),
    webp("VP8L", "000000002f02400000"),
    webp("VP8X", "0000000000000000020000010000"),
  ]) {
    expect(pictureOf(data)).toEqual({ mediaType: "image/webp", sides });
  }
});

test("what is cut off tells its format and no sides, and what is none is none", () => {
  expect(pictureOf(Buffer.from("\x89PNG\r\n\x1a\n\0\0", "latin1"))).toEqual({ mediaType: "image/png", sides: null });
  expect(pictureOf(Buffer.from("ffd8ffe0ffff00", "hex"))).toEqual({ mediaType: "image/jpeg", sides: null });
  expect(pictureOf(Buffer.from("ffd8ff000000", "hex"))).toEqual({ mediaType: "image/jpeg", sides: null });
  expect(pictureOf(Buffer.from("<svg>"))).toBeUndefined();
  expect(pictureOf(Buffer.alloc(0))).toBeUndefined();
});

test.each([
  ["Python", pythonLimits],
  ["Node", nodeLimits],
])("%s shows as many pictures, as large ones, as an answer can carry", (_, source) => {
  const limit = (name: string) =>
    Number(RegExp(`^(?:const )?${name} = ([\\d_]+)`, "m").exec(source)?.[1]?.replaceAll("_", ""));
  expect(limit("PICTURES")).toBe(maxPictures);
  expect(limit("PICTURE_CHARACTERS")).toBe(maxPicturesLength);
  expect(limit("MAX_SIDE")).toBe(maxPictureSidePx);
});
