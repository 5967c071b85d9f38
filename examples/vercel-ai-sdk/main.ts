// An agent of Vercel's AI SDK that has the sandbox as its tools.

import { createMCPClient } from "@ai-sdk/mcp";
import { openai } from "@ai-sdk/openai";
import { generateText, stepCountIs } from "ai";

const url = process.env.SANDBOX_URL ?? "http://localhost:8000/mcp";

const task =
  "Set x to 41 in Python. Then, in a second call with the session_id of the first, print x + 1. " +
  "Answer with what it printed, and nothing else.";

const sandbox = await createMCPClient({ transport: { type: "http", url } });
try {
  const { text } = await generateText({
    model: openai("gpt-5-mini"),
    tools: await sandbox.tools(),
    stopWhen: stepCountIs(10),
    prompt: task,
  });
  console.log(text);
} finally {
  await sandbox.close();
}
