// The prompts the suites get.

import type { Result } from "@modelcontextprotocol/sdk/types.js";
import { ProtocolError } from "../../src/mcp/tool.ts";
import { elicit, inputRequired, responseTo } from "./fixture-input.ts";
import { pngBase64 } from "./fixture-media.ts";

export const prompts = [
  { name: "test_simple_prompt", description: "Simple" },
  {
    name: "test_prompt_with_arguments",
    description: "With arguments",
    arguments: [
      { name: "arg1", description: "First", required: true },
      { name: "arg2", description: "Second", required: true },
    ],
  },
  {
    name: "test_prompt_with_embedded_resource",
    description: "With a resource",
    arguments: [{ name: "resourceUri", description: "Its URI", required: true }],
  },
  { name: "test_prompt_with_image", description: "With a picture" },
  { name: "test_input_required_result_prompt", description: "Asks first" },
];

export function getPrompt(params: Readonly<Record<string, unknown>>): Result {
  const args: Readonly<Record<string, unknown>> = { ...Object(params.arguments) };
  switch (params.name) {
    case "test_simple_prompt":
      return messages({ type: "text", text: "This is a simple prompt for testing." });
    case "test_prompt_with_arguments":
      return messages({ type: "text", text: `Prompt with arguments: arg1='${args.arg1}', arg2='${args.arg2}'` });
    case "test_prompt_with_embedded_resource":
      return messages(
        {
          type: "resource",
          resource: {
            uri: String(args.resourceUri),
            mimeType: "text/plain",
            text: "Embedded resource content for testing.",
          },
        },
        { type: "text", text: "Please process the embedded resource above." },
      );
    case "test_prompt_with_image":
      return messages(
        { type: "image", data: pngBase64, mimeType: "image/png" },
        { type: "text", text: "Please analyze the image above." },
      );
    case "test_input_required_result_prompt": {
      const context = responseTo(params, "user_context")?.content;
      if (context !== undefined) return messages({ type: "text", text: `Context: ${JSON.stringify(context)}` });
      return inputRequired({ user_context: elicit("What context should the prompt use?", { context: "string" }) });
    }
    default:
      throw new ProtocolError(-32602, `Unknown prompt: ${String(params.name)}`);
  }
}

function messages(...contents: readonly object[]): Result {
  return { messages: contents.map((content) => ({ role: "user", content })) };
}
