// The tools the suites call: contents of every kind, progress, logs, and questions to the client as the revisions of 2025 ask
// them. Those of 2026-07-28 are in fixture-rounds.ts.

import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { type Result, ResultSchema, type Tool } from "@modelcontextprotocol/sdk/types.js";
import { ProtocolError } from "../../src/mcp/tool.ts";
import type { Params } from "./fixture-input.ts";
import { pngBase64, wavBase64 } from "./fixture-media.ts";
import { rounds } from "./fixture-rounds.ts";
import { taskTools } from "./fixture-tasks.ts";

export type Extra = Parameters<NonNullable<Server["fallbackRequestHandler"]>>[1];
type Fixture = (args: Params, extra: Extra, params: Params) => Result | Promise<Result>;

const wordy = { type: "string" } as const;

const fixtures: Readonly<Record<string, Fixture>> = {
  test_simple_text: () => text("This is a simple text response for testing."),
  test_image_content: () => ({ content: [{ type: "image", data: pngBase64, mimeType: "image/png" }] }),
  test_audio_content: () => ({ content: [{ type: "audio", data: wavBase64, mimeType: "audio/wav" }] }),
  test_embedded_resource: () => ({
    content: [
      {
        type: "resource",
        resource: {
          uri: "test://embedded-resource",
          mimeType: "text/plain",
          text: "This is an embedded resource content.",
        },
      },
    ],
  }),
  test_multiple_content_types: () => ({
    content: [
      { type: "text", text: "Multiple content types test:" },
      { type: "image", data: pngBase64, mimeType: "image/png" },
      {
        type: "resource",
        resource: {
          uri: "test://mixed-content-resource",
          mimeType: "application/json",
          text: JSON.stringify({ test: "data", value: 123 }),
        },
      },
    ],
  }),
  test_error_handling: () => ({ isError: true, ...text("This tool intentionally returns an error for testing") }),
  test_tool_with_logging: async (_args, extra) => {
    await log(extra, "Tool execution started");
    await Bun.sleep(50);
    await log(extra, "Tool processing data");
    await Bun.sleep(50);
    await log(extra, "Tool execution completed");
    return text("Logged.");
  },
  test_logging_tool: async (_args, extra) => {
    await log(extra, "Only for those who asked");
    return text("Logged.");
  },
  test_tool_with_progress: async (_args, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await extra.sendNotification({
          method: "notifications/progress",
          params: { progressToken, progress, total: 100 },
        });
      }
      await Bun.sleep(50);
    }
    return text("Progressed.");
  },
  test_sampling: async (args, extra) => {
    const messages = [{ role: "user" as const, content: { type: "text" as const, text: String(args.prompt) } }];
    const params = { messages, maxTokens: 100 };
    const answer = await extra.sendRequest({ method: "sampling/createMessage", params }, ResultSchema);
    return text(`LLM response: ${JSON.stringify(answer.content)}`);
  },
  test_elicitation: async (args, extra) => {
    const properties = {
      username: { ...wordy, description: "User's response" },
      email: { ...wordy, description: "User's email address" },
    };
    const required = ["username", "email"];
    return text(`User response: ${await elicit(extra, String(args.message), { properties, required })}`);
  },
  test_elicitation_sep1034_defaults: async (_args, extra) => {
    const properties = {
      name: { ...wordy, default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { ...wordy, enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    };
    return text(`Elicitation completed: ${await elicit(extra, "Defaults", { properties })}`);
  },
  test_elicitation_sep1330_enums: async (_args, extra) => {
    const options = ["option1", "option2", "option3"];
    const titled = (titles: readonly string[]) => titles.map((title, at) => ({ const: `value${at + 1}`, title }));
    const properties = {
      untitledSingle: { ...wordy, enum: options },
      titledSingle: { ...wordy, oneOf: titled(["First Option", "Second Option", "Third Option"]) },
      legacyEnum: {
        ...wordy,
        enum: ["opt1", "opt2", "opt3"],
        enumNames: ["Option One", "Option Two", "Option Three"],
      },
      untitledMulti: { type: "array", items: { ...wordy, enum: options } },
      titledMulti: { type: "array", items: { anyOf: titled(["First Choice", "Second Choice", "Third Choice"]) } },
    };
    return text(`Elicitation completed: ${await elicit(extra, "Enums", { properties })}`);
  },
  test_streaming_elicitation: async (_args, extra) => {
    await log(extra, "Nobody asked for this");
    return text("Streamed.");
  },
  json_schema_2020_12_tool: () => text("ok"),
  test_param_header: ({ region }) => text(String(region)),
};

const jsonSchema2020Input = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object" as const,
  $defs: {
    address: { $anchor: "addressDef", type: "object", properties: { street: wordy, city: wordy } },
  },
  properties: {
    name: wordy,
    address: { $ref: "#/$defs/address" },
    contactMethod: { ...wordy, enum: ["phone", "email"] },
    phone: wordy,
    email: wordy,
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const inputSchemas: Readonly<Record<string, Tool["inputSchema"]>> = {
  json_schema_2020_12_tool: jsonSchema2020Input,
  test_param_header: { type: "object", properties: { region: { ...wordy, "x-mcp-header": "Region" } } },
};

export const tools: Tool[] = [...Object.keys(fixtures), ...Object.keys(rounds), ...taskTools].map((name) => ({
  name,
  description: `Conformance fixture ${name}`,
  inputSchema: inputSchemas[name] ?? { type: "object" },
}));

export async function callTool(params: Params, extra: Extra): Promise<Result> {
  const name = String(params.name);
  const args: Params = { ...Object(params.arguments) };
  const round = rounds[name];
  if (round !== undefined) return round(params);
  const fixture = fixtures[name];
  if (fixture === undefined) throw new ProtocolError(-32602, `Unknown tool: ${name}`);
  return await fixture(args, extra, params);
}

function text(text: string): Result {
  return { content: [{ type: "text", text }] };
}

async function log(extra: Extra, data: string): Promise<void> {
  await extra.sendNotification({ method: "notifications/message", params: { level: "info", data } });
}

async function elicit(extra: Extra, message: string, schema: object): Promise<string> {
  const params = {
    mode: "form" as const,
    message,
    requestedSchema: { type: "object" as const, properties: {}, ...schema },
  };
  const { action, content } = await extra.sendRequest({ method: "elicitation/create", params }, ResultSchema);
  return `action=${String(action)}, content=${JSON.stringify(content)}`;
}
