// @modelcontextprotocol/sdk 1.x: the client of most hosts of 2025.

import { Client as SdkClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { Progress } from "@modelcontextprotocol/sdk/types.js";
import { type Client, faultsAmong, namesOf, resultAnswer, thrownAnswer, type UnderTest } from "./client.ts";

export async function openTypeScript1(server: UnderTest, way: "http" | "stdio"): Promise<Client> {
  const sdk = new SdkClient({ name: "matrix", version: "1" });
  // A line on standard output that is no message comes here, as does an event stream that breaks.
  const reports: Error[] = [];
  sdk.onerror = (error) => void reports.push(error);
  // The SDK's types do not agree with exactOptionalPropertyTypes.
  const transport = (way === "http" ? overHttp(server) : overStdio(server)) as Transport;
  await sdk.connect(transport);
  return {
    revision: transport instanceof StreamableHTTPClientTransport ? transport.protocolVersion : undefined,
    toolNames: async () => namesOf((await sdk.listTools()).tools),
    async call(tool, args, { onProgress, signal } = {}) {
      try {
        const options = {
          ...(onProgress && { onprogress: (progress: Progress) => onProgress(progress.message ?? "") }),
          ...(signal && { signal }),
        };
        return resultAnswer(await sdk.callTool({ name: tool, arguments: args }, undefined, options));
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

function overHttp({ url }: UnderTest): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url));
}

function overStdio({ command: [command, ...args] }: UnderTest): StdioClientTransport {
  return new StdioClientTransport({ command, args, stderr: "ignore" });
}
