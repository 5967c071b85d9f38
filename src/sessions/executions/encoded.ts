// What texts take in an answer, which is JSON.

/** Bytes of the JSON of a text. */
export function encodedBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
