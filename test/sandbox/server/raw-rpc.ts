// The server's API as bytes, for tests of the stub and for what our own client would never send.

export type RawAnswer = { readonly status: number; readonly text: string; readonly json: unknown };

export type RawRpc = (
  method: string,
  params: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<RawAnswer>;

export function rawRpc(url: string): RawRpc {
  return async (method, params, headers = {}) =>
    await rawPost(url, JSON.stringify({ jsonrpc: "2.0", method, params, id: "t" }), headers);
}

export async function rawPost(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<RawAnswer> {
  const response = await fetch(`${url}/api/v1/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  const text = await response.text();
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Some refusals are plain text.
  }
  return { status: response.status, text, json };
}

/** What the portal collected, as "stream|text" lines. */
export function outputLines(answer: RawAnswer): readonly string[] {
  const found = JSON.stringify(answer.json).match(/\{"stream":"(?:stdout|stderr)","text":"(?:[^"\\]|\\.)*"\}/g) ?? [];
  return found.map((line) => {
    const parsed: { stream: string; text: string } = JSON.parse(line);
    return `${parsed.stream}|${parsed.text}`;
  });
}
