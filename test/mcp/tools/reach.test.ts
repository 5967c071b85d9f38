import { expect, test } from "bun:test";
import { createCatalog } from "../../../src/mcp/catalog.ts";
import type { Reach } from "../../../src/mcp/tools/reach.ts";
import { defaultFlavors } from "../../../src/sandbox/flavors.ts";
import { type NetworkPolicy, parseNetwork } from "../../../src/sandbox/network.ts";
import { defaultTemplates } from "../../../src/sandbox/templates.ts";
import { sessionsOverFake } from "../../fakes/sessions.ts";

async function toolsWith(reach: Reach | undefined) {
  await using fake = sessionsOverFake();
  const { sessions, clock } = fake;
  const tools = createCatalog({
    ...{ sessions, reach, templates: defaultTemplates, flavors: defaultFlavors, defaultFlavor: "small", volumes: [] },
    ...{ sessionTimeoutMs: 60_000, executionTimeoutMs: 20_000, maxExecutionTimeoutMs: 86_400_000, toolErrors: "error" },
    transfers: { kind: "folders", dirs: [], maxBytes: 1_000_000, clock, emit: () => undefined },
    ...{ clock, executionWaitMs: 50_000, maxOutputBytes: 32_768 },
  });
  return tools.list();
}

function policyOf(text: string): NetworkPolicy {
  const reading = parseNetwork(text);
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

test.each([
  [undefined, "There is no network access unless the operator arranged it."],
  ["none", "There is no network access."],
  ["packages", "pip and npm can install packages; there is no other network access."],
  ["public", "The public internet can be reached."],
  [
    "allow:api.example.com:443,*.example.org,192.0.2.7",
    "Of the network, only api.example.com:443, *.example.org, 192.0.2.7 can be reached.",
  ],
])("with the network %p, both tools that run something tell what it reaches", async (text, sentence) => {
  const reach = text === undefined ? undefined : { network: policyOf(text), secrets: [] };
  for (const tool of (await toolsWith(reach)).slice(0, 2)) {
    expect(tool.description).toContain(sentence);
    expect(tool.annotations?.openWorldHint).toBe(text !== undefined && text !== "none");
  }
});

test("an agent is told which variable holds the placeholder of a key, for which host", async () => {
  const secrets = [{ name: "API_KEY", host: "api.example.com" }];
  const [tool] = await toolsWith({ network: policyOf("public"), secrets });
  expect(tool?.description).toContain("The environment variable API_KEY (for api.example.com) holds a placeholder");
});

test("however many hosts and keys there are, the tools stay short enough for every conversation", async () => {
  const hosts = Array.from({ length: 200 }, (_, index) => `a-rather-long-name-${index}.example.com`);
  const secrets = hosts.map((host, index) => ({ name: `A_RATHER_LONG_NAME_${index}`, host }));
  const tools = await toolsWith({ network: policyOf(`allow:${hosts.join(",")}`), secrets });
  expect(tools[0]?.description).toContain(" and 197 more can be reached.");
  expect(tools[1]?.description).toEndWith(" Network and keys: as execute_code.");
  // CONTRACT.md section 5: 3,000 tokens, of 4 bytes each.
  expect(Buffer.byteLength(JSON.stringify(tools))).toBeLessThanOrEqual(12_000);
});
