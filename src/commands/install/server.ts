// Which server a client is to reach: its URL and token, or the arguments to start it with.

import { resolve } from "node:path";
import { type Option, type OptionName, options } from "../../config/options.ts";
import { isLoopback } from "../../http/authority.ts";
import { reachable } from "../health.ts";
import { shownUrl } from "./entry.ts";

export type UrlOptions = { readonly url: string | undefined; readonly host: string; readonly port: number };

/** A text is what is wrong. */
export function serverUrl({ url: given, host, port }: UrlOptions): URL | string {
  if (given === undefined) {
    return port === 0
      ? "--port 0 does not tell the server's port; give its URL, such as http://localhost:8000/mcp"
      : new URL(`http://${reachable(host)}:${port}/mcp`);
  }
  // An @ may follow a password.
  const shown = given.includes("@") ? "(not shown: it may hold a password)" : JSON.stringify(given);
  if (/\s/.test(given)) return `${shown} is not allowed; URL must be without spaces`;
  const url = URL.parse(given);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return `${shown} is not allowed; URL must be an http:// or https:// URL, such as http://localhost:8000/mcp`;
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return `${shownUrl(given)}: URL must be without a user, a query and a fragment; a token goes into a header`;
  }
  if (!/\/mcp\/?$/.test(url.pathname)) url.pathname = url.pathname.replace(/\/?$/, "/mcp");
  return url;
}

export type TokenOptions = {
  readonly url: URL;
  readonly isUrlGiven: boolean;
  readonly auth: "auto" | "none" | "token" | "oauth";
  readonly hasTokens: boolean;
  readonly hasOAuth: boolean;
  readonly host: string;
  /** Whether an earlier start made a token. */
  readonly hasFirstToken: boolean;
};

/** By the rules of `--auth` (CONTRACT.md section 7), seen from a client. */
export function isTokenNeeded({ url, auth, ...options }: TokenOptions): boolean {
  if (auth !== "auto") return auth === "token";
  if (options.hasTokens) return true;
  if (options.hasOAuth) return false;
  if (!isLoopback(url.hostname)) return true;
  return !options.isUrlGiven && (!isLoopback(options.host) || options.hasFirstToken);
}

/** Who may call, and where it listens, mean nothing to a server that a client starts for itself. */
const servedOnly: ReadonlySet<OptionName> = new Set<OptionName>(["host", "port", "transport"]);

/** `texts`: of the flags that were given. Paths are made absolute: a client starts programs wherever it is. */
export function stdioArguments(texts: ReadonlyMap<string, readonly string[]>, cwd: string): readonly string[] {
  const given = serving().flatMap(([, { flag, kind }]) => {
    if (flag === undefined) return [];
    const isPath = kind.placeholder === "PATH" || kind.placeholder === "FILE";
    return (texts.get(flag) ?? []).map((text) => `${flag}=${isPath ? resolve(cwd, text) : text}`);
  });
  return ["--transport", "stdio", ...given];
}

/** Of the flags that `stdioArguments` writes, those with a user or a password in a URL: no file of a client is a place for it. */
export function flagsWithCredentials(texts: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return serving()
    .flatMap(([, { flag }]) => (flag === undefined ? [] : [flag]))
    .filter((flag) => (texts.get(flag) ?? []).some(hasCredentials));
}

/** As text, too: what is no URL here may be one to the server. */
function hasCredentials(text: string): boolean {
  const { username = "", password = "" } = URL.parse(text) ?? {};
  return username !== "" || password !== "" || /:\/\/[^/?#]*@/.test(text);
}

/** Variables that configure the server here and now: those no flag can stand for, and all others. */
export function givenVariables(
  texts: ReadonlyMap<string, readonly string[]>,
  variable: (name: string) => string | undefined,
): { readonly flagless: readonly string[]; readonly others: readonly string[] } {
  const set = serving().filter(([, { flag, variable: name }]) => {
    const value = variable(name);
    return value !== undefined && value !== "" && !(flag !== undefined && texts.has(flag));
  });
  const namesOf = (isFlagless: boolean) =>
    set.filter(([, { flag }]) => (flag === undefined) === isFlagless).map(([, option]) => option.variable);
  return { flagless: namesOf(true), others: namesOf(false) };
}

function serving(): readonly (readonly [string, Option<unknown>])[] {
  const table: Readonly<Record<OptionName, Option<unknown>>> = options;
  return Object.entries(table).filter(
    ([name, { group }]) => group !== "Access" && !(servedOnly as ReadonlySet<string>).has(name),
  );
}
