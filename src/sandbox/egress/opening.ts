// What a client says first, read strictly: HTTP's CONNECT, one plain request of HTTP with an absolute URL, or SOCKS 5's CONNECT. Whatever can be
// read in two ways is no request.

import type { Target } from "./verdict.ts";

export type Opening =
  | { readonly kind: "connect"; readonly target: Target }
  /** `head` is what the host is sent, and `bodyBytes` of what follows. */
  | { readonly kind: "request"; readonly target: Target; readonly head: Buffer; readonly bodyBytes: number }
  | { readonly kind: "malformed"; readonly status: 400 | 411 | 501; readonly why: string };

/** What was read, and of how many bytes; undefined while more must come. */
export type Reading<T> = { readonly value: T; readonly used: number } | undefined;

/** The head of a request, bytes and lines. */
export const maxHeadBytes = 32 * 1024;
const maxFields = 128;

const headEnd = Buffer.from("\r\n\r\n");
const httpPort = 80;
/** RFC 9110, 5.6.2, and 5.5 without bytes above ASCII's. */
const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\t\x80-\xff]*?)[ \t]*$/;
/** Between two neighbours alone (RFC 9110, 7.6.1), or written anew here. */
const dropped = new Set([
  ...["connection", "proxy-connection", "keep-alive", "te", "trailer", "upgrade", "host"],
  ...["proxy-authorization", "proxy-authenticate"],
]);

export function readHttp(bytes: Buffer): Reading<Opening> {
  const end = bytes.indexOf(headEnd);
  if (end < 0) {
    const why = whyNeverWhole(bytes);
    return why === undefined ? undefined : { value: malformed(why), used: 0 };
  }
  return { value: parseHead(bytes.toString("latin1", 0, end)), used: end + headEnd.length };
}

/** What more bytes would not mend. */
function whyNeverWhole(bytes: Buffer): string | undefined {
  if (bytes.length > maxHeadBytes) return `its head is longer than ${maxHeadBytes} bytes`;
  if (/^[^A-Z]/.test(bytes.toString("latin1", 0, 1))) return "it is neither HTTP nor SOCKS 5";
  if (/(?:^|[^\r])\n/.test(bytes.toString("latin1"))) return "one of its lines ends without a carriage return";
  return undefined;
}

function parseHead(text: string): Opening {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, place, version] = /^([A-Z]{1,20}) (\S+) HTTP\/1\.([01])$/.exec(first) ?? [];
  if (method === undefined || place === undefined || version === undefined) return malformed("its first line is none");
  if (lines.length > maxFields) return malformed(`it has more than ${maxFields} fields`);
  const fields: { readonly name: string; readonly line: string; readonly value: string }[] = [];
  for (const line of lines) {
    const [, name, value = ""] = field.exec(line) ?? [];
    if (name === undefined) return malformed("one of its fields is none");
    fields.push({ name: name.toLowerCase(), line, value });
  }
  const valuesOf = (wanted: string) => fields.filter(({ name }) => name === wanted).map(({ value }) => value);
  if (valuesOf("host").length > 1) return malformed("it names two hosts");
  if (valuesOf("transfer-encoding").length > 0) {
    return { kind: "malformed", status: 411, why: "a body needs a Content-Length here, or HTTPS" };
  }
  const lengths = valuesOf("content-length");
  const [length = "0"] = lengths;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return malformed("its Content-Length is none");
  if (method === "CONNECT") {
    const target = targetOf(place, undefined);
    if (target === undefined) return malformed("CONNECT needs HOST:PORT");
    return Number(length) === 0 ? { kind: "connect", target } : malformed("CONNECT has no body");
  }
  const [, authority = "", path = ""] = /^http:\/\/([^/?#]+)([/?][^#]*)?$/i.exec(place) ?? [];
  const target = targetOf(authority, httpPort);
  if (target === undefined) return { kind: "malformed", status: 501, why: "a request needs http://HOST/… or CONNECT" };
  // Names that Connection lists are for this hop as well.
  const listed = valuesOf("connection").flatMap((value) => value.split(",").map((name) => name.trim().toLowerCase()));
  const kept = fields.filter(({ name }) => !dropped.has(name) && (name === "content-length" || !listed.includes(name)));
  const lineBreak = "\r\n";
  const head = [
    `${method} ${path.startsWith("/") ? path : `/${path}`} HTTP/1.${version}`,
    `Host: ${authority}`,
    ...kept.map(({ line }) => line),
    // One request a connection: what a client sends behind it reaches nobody.
    "Connection: close",
    lineBreak,
  ].join(lineBreak);
  return { kind: "request", target, head: Buffer.from(head, "latin1"), bodyBytes: Number(length) };
}

/** HOST:PORT, or [HOST]:PORT for IPv6; nothing else, so no user name either. */
function targetOf(authority: string, defaultPort: number | undefined): Target | undefined {
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9A-Fa-f:.]{1,64})\]|([A-Za-z0-9._-]{1,255}))(?::(\d{1,5}))?$/.exec(authority) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return undefined;
  return { host: host.toLowerCase(), port };
}

function malformed(why: string): Opening {
  return { kind: "malformed", status: 400, why };
}
