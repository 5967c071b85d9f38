// Which answers a page's script may read: the options of @elysiajs/cors, whose own defaults allow every page with credentials.

import type { CORSConfig } from "@elysiajs/cors";

/** What a client of any revision sends besides the headers every page may send. */
const allowedHeaders = [
  "Content-Type",
  "Accept",
  "Authorization",
  "Mcp-Session-Id",
  "MCP-Protocol-Version",
  "Last-Event-ID",
  "Mcp-Method",
  "Mcp-Name",
  "Range",
  "Content-Range",
  "If-Match",
  "If-None-Match",
  "If-Range",
];

const exposedHeaders = [
  "Mcp-Session-Id",
  "WWW-Authenticate",
  "ETag",
  "Content-Length",
  "Content-Range",
  "Content-Disposition",
  "Accept-Ranges",
  "Upload-Offset",
  "Retry-After",
];

/** How long a browser may keep a preflight's answer, in seconds: the longest that Chromium honours. */
const preflightMaxAgeS = 7_200;

/** CONTRACT.md section 7. Preflights are answered before Host, Origin and tokens are looked at: they carry none. */
export function corsOptions(isAllowedOrigin: (origin: string) => boolean): CORSConfig {
  return {
    origin: (request) => isAllowedOrigin(request.headers.get("origin") ?? ""),
    methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowedHeaders,
    exposeHeaders: exposedHeaders,
    credentials: false,
    maxAge: preflightMaxAgeS,
  };
}
