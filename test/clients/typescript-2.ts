// @modelcontextprotocol/client 2.x: by default it speaks the revisions of 2025, and 2026-07-28 if it is told to ask or to insist.

import { type Progress, Client as SdkClient, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type Client, faultsAmong, namesOf, resultAnswer, thrownAnswer, type UnderTest } from "./client.ts";

export type Negotiation = "default" | "auto" | "pinned";

export async function openTypeScript2(
  server: UnderTest,
  way: "http" | "stdio",
  negotiation: Negotiation,
): Promise<Client> {
  const mode = negotiation === "pinned" ? { pin: "2026-07-28" } : "auto";
  const options = negotiation === "default" ? {} : { versionNegotiation: { mode } as const };
  const sdk = new SdkClient({ name: "matrix", version: "1" }, options);
  const reports: Error[] = [];
  sdk.onerror = (error) => void reports.push(error);
  const [command, ...args] = server.command;
  await sdk.connect(
    way === "http"
      ? new StreamableHTTPClientTransport(new URL(server.url))
      : new StdioClientTransport({ command, args, stderr: "ignore" }),
  );
  return {
    revision: sdk.getNegotiatedProtocolVersion(),
    toolNames: async () => namesOf((await sdk.listTools()).tools),
    async call(tool, args, { onProgress, signal } = {}) {
      try {
        const options = {
          ...(onProgress && { onprogress: (progress: Progress) => onProgress(progress.message ?? "") }),
          ...(signal && { signal }),
        };
        return resultAnswer(await sdk.callTool({ name: tool, arguments: args }, options));
      } catch (error) {
        return thrownAnswer(error);
      }
    },
    async [Symbol.asyncDispose]() {
      await sdk.close();
      const faults = faultsAmong(reports);
      if (faults.length > 0) throw new AggregateError(faults, `the client saw ${faults.join("; ")}`);
    },
  };
}
