// The authorization server's keys: found through its metadata unless their address is given, fetched with limits, cached.

import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTVerifyGetKey,
  type RemoteJWKSet,
} from "jose";
import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { isLoopback } from "../authority.ts";

/** The issuer could not be asked: nothing is known of the token, and the caller may come back with the same one. */
export class IssuerUnreachable extends Error {
  override readonly name = "IssuerUnreachable";
}

/** For one document of the issuer. */
const fetchTimeoutMs = 5_000;
/** For one document of the issuer; real ones have a few KB. */
const maxDocumentBytes = 1_048_576;
/** After a failure nobody asks again for so long, or each bad token would make a request to a server in trouble. */
const pauseAfterFailureMs = 5_000;

export type IssuerKeys = {
  readonly issuer: string;
  readonly jwksUrl: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Throws IssuerUnreachable from the returned function, also for metadata or keys that are not what they should be. */
export function createIssuerKeys({ issuer, jwksUrl, clock, emit }: IssuerKeys): JWTVerifyGetKey {
  let keys: Promise<RemoteJWKSet> | undefined;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    if (clock.monotonicMs() < pausedUntilMs) throw new IssuerUnreachable("it did not answer a moment ago");
    try {
      return await question();
    } catch (error) {
      pausedUntilMs = clock.monotonicMs() + pauseAfterFailureMs;
      const why = error instanceof Error ? error.message : "it does not answer";
      emit({ type: "server.warning", message: `The authorization server's keys cannot be had: ${why}` });
      throw error;
    }
  };
  const findKeys = async (): Promise<RemoteJWKSet> => {
    const url = jwksUrl ?? (await ask(() => discoverJwksUrl(issuer)));
    const fetchKeys: FetchImplementation = (address, options) => ask(() => fetchKeySet(address, options));
    return createRemoteJWKSet(new URL(url), { [customFetch]: fetchKeys, timeoutDuration: fetchTimeoutMs });
  };

  return async (header, token) => {
    keys ??= findKeys();
    const used = keys;
    let found: RemoteJWKSet | undefined;
    try {
      found = await used;
      return await found(header, token);
    } catch (error) {
      // Keys that are still fresh go on serving the tokens they have signed; else their address may have moved: find it again.
      if (error instanceof IssuerUnreachable && keys === used && found?.fresh !== true) keys = undefined;
      throw error;
    }
  };
}

/** A server's keys and addresses must not be swapped on the way: plain HTTP only where there is no way. */
export function isTrustworthyUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

async function discoverJwksUrl(issuer: string): Promise<string> {
  let last: unknown = new IssuerUnreachable("it has no metadata");
  for (const url of metadataUrls(issuer)) {
    try {
      const metadata = await fetchObject(url, AbortSignal.timeout(fetchTimeoutMs));
      // RFC 8414 section 3.3: letter by letter, or another issuer's metadata could be passed off as this one's.
      if (metadata.issuer !== issuer) throw new IssuerUnreachable(`${url} is the metadata of another issuer`);
      const found = metadata.jwks_uri;
      if (typeof found === "string" && isTrustworthyUrl(found)) return found;
      throw new IssuerUnreachable(`${url} has no jwks_uri that can be trusted`);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** RFC 8414 section 3.1 and OpenID Connect Discovery section 4, in the order the MCP specification asks of clients. */
function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
  return [...new Set(urls)];
}

const fetchKeySet: FetchImplementation = async (url, { headers, signal }) => {
  const document = await fetchObject(url, signal, headers);
  const { keys } = document;
  const isKeySet = Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null);
  if (!isKeySet) throw new IssuerUnreachable(`${url} holds no keys`);
  return Response.json(document);
};

/** A JSON object, whole and within the limits. Redirects are not followed: they would lead past isTrustworthyUrl. */
async function fetchObject(url: string, signal: AbortSignal, headers?: Headers): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(url, {
      headers: headers ?? { accept: "application/json" },
      redirect: "manual",
      signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new IssuerUnreachable(`${url} answered ${response.status}`);
    }
    const document: unknown = JSON.parse(await textWithin(response, maxDocumentBytes));
    if (typeof document === "object" && document !== null) return { ...document };
    throw new IssuerUnreachable(`${url} holds no JSON object`);
  } catch (error) {
    throw error instanceof IssuerUnreachable ? error : new IssuerUnreachable(`${url} cannot be read`, { cause: error });
  }
}

async function textWithin(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []; // at most maxBytes in all
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new IssuerUnreachable(`${response.url} is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString("utf8");
}
