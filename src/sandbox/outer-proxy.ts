// A proxy that this machine itself reaches the internet through.

/** Takes HTTP's CONNECT. */
export type OuterProxy = {
  readonly host: string;
  readonly port: number;
  /** As in Proxy-Authorization; undefined: none. */
  readonly authorization: string | undefined;
};

export const outerProxyRule = "http://HOST:PORT, or http://HOST for port 80, with or without USER:PASSWORD@";

/** Undefined for what is no such URL. */
export function parseOuterProxy(text: string): OuterProxy | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "http:" || url.hostname === "" || url.search !== "" || url.hash !== "") {
    return undefined;
  }
  if (url.pathname !== "/") return undefined;
  const [name, password] = [unescaped(url.username), unescaped(url.password)];
  if (name === undefined || password === undefined) return undefined;
  const user = `${name}:${password}`;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 80 : Number(url.port),
    authorization: user === ":" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
