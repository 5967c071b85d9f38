// A stream of bytes as lines without their newline, as the portal reads programs' output: a carriage return before it is dropped, and
// a line that is not UTF-8 ends the reading, so that whoever goes on writing gets SIGPIPE.

export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array();
  for await (const bytes of stream) {
    const all = Buffer.concat([rest, bytes]);
    let from = 0;
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, from)) {
      const text = decode(all.subarray(from, end));
      if (text === null) return;
      yield text;
      from = end + 1;
    }
    rest = all.subarray(from);
  }
  const last = decode(rest);
  if (last !== null && last !== "") yield last;
}

function decode(line: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(line).replace(/\r$/, "");
  } catch {
    return null;
  }
}
