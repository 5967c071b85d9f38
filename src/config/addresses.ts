// The kinds of option values that name places in a network: hosts, origins, URLs.

import { isIP } from "node:net";
import { type Kind, list, quote, single } from "./kinds.ts";

/** A host name (RFC 1123) or an IP address; the brackets of an IPv6 address may be there and are taken off. */
export const hostName: Kind<string> = single("a host name or an IP address", "HOST", hostOf);

/** Hosts as they stand in a `Host` header, with or without a port; in lower case, IPv6 addresses in brackets. */
export const hosts: Kind<readonly string[]> = list("host names or addresses, each with or without :port", (item) => {
  if (isIP(item) === 6) return `[${item.toLowerCase()}]`;
  const [, name = "", port = ""] = /^(\[.*\]|[^:]*)(:\d{1,5})?$/.exec(item) ?? [];
  const host = hostOf(name);
  if (host === undefined || Number(port.slice(1)) > 65_535) return undefined;
  return `${isIP(host) === 6 ? `[${host}]` : host}${port}`.toLowerCase();
});

/** Origins as browsers send them: scheme, host and, unless it is the scheme's own, port (RFC 6454 section 6.2). */
export const origins: Kind<readonly string[]> = list(
  "origins such as https://app.example.com, without a path",
  (item) => {
    if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/i.test(item)) return undefined;
    // URL calls the origin of any other scheme (a webview's, an extension's) "null"; browsers send it as it is.
    return /^https?:/i.test(item) ? URL.parse(item)?.origin : item.toLowerCase();
  },
);

/** Without the slash at its end. It may hold credentials, which no message shows. */
export const httpUrl: Kind<string> = {
  ...single("an http:// or https:// URL without query and fragment", "URL", (text) =>
    isHttpUrl(text) ? URL.parse(text)?.href.replace(/\/$/, "") : undefined,
  ),
  show: maskUrl,
};

/** Kept as it was written, because issuers are compared letter by letter (RFC 8414 section 3.3). */
export const issuerUrl: Kind<string> = {
  ...single(httpUrl.rule, "URL", (text) => (isHttpUrl(text) ? text : undefined)),
  show: maskUrl,
};

function hostOf(text: string): string | undefined {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed : undefined;
  if (isIP(text) !== 0) return text;
  const labels = text.split(".");
  const isName = text.length <= 253 && labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label));
  // A last label of digits is an address that went wrong (256.0.0.1), never a name.
  return isName && !/^\d+$/.test(labels.at(-1) ?? "") ? text : undefined;
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^/\\\s?#]+(?:\/[^\\\s?#]*)?$/i.test(text) && URL.canParse(text);
}

export function maskUrl(text: string): string {
  // Up to the last @, because a password may have @, / and # in it; a query may carry a key.
  return quote(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1***@").replace(/\?.*$/s, "?***"));
}
