// A long text in pieces.

/** Pieces of at most `length` characters, none ending in half a character. */
export function* piecesOf(text: string, length: number): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const last = text.charCodeAt(at + length - 1);
    const end = at + length - (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
    yield text.slice(at, end);
    at = end;
  }
}
