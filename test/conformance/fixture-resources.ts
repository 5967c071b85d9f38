// The resources the suites read.

import type { Result } from "@modelcontextprotocol/sdk/types.js";
import { ProtocolError } from "../../src/mcp/tool.ts";
import { pngBase64 } from "./fixture-media.ts";

export const listResources = [
  { uri: "test://static-text", name: "static-text", description: "A static text resource", mimeType: "text/plain" },
  { uri: "test://static-binary", name: "static-binary", description: "A static picture", mimeType: "image/png" },
  { uri: "test://watched-resource", name: "watched", description: "A resource to watch", mimeType: "text/plain" },
];

export const listTemplates = [
  {
    uriTemplate: "test://template/{id}/data",
    name: "template",
    description: "Data by id",
    mimeType: "application/json",
  },
];

export function readResource(params: Readonly<Record<string, unknown>>): Result {
  const uri = String(params.uri);
  const content = contentOf(uri);
  if (content === undefined) throw new ProtocolError(-32602, "Resource not found", { data: { uri } });
  return { contents: [{ uri, ...content }] };
}

function contentOf(uri: string) {
  if (uri === "test://static-text") {
    return { mimeType: "text/plain", text: "This is the content of the static text resource." };
  }
  if (uri === "test://static-binary") return { mimeType: "image/png", blob: pngBase64 };
  if (uri === "test://watched-resource") return { mimeType: "text/plain", text: "Watched." };
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id === undefined) return undefined;
  return { mimeType: "application/json", text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) };
}
