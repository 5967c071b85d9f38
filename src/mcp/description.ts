// How this server presents itself to clients, and what it tells the model that uses it.

import { uiExtension } from "./apps/page.ts";
import type { ServerDescription } from "./server.ts";
import { tasksExtension } from "./tasks/wire.ts";

/** `warning`: what people should know of the sandboxes before they rely on them. */
export function describeServer(version: string, warning: string | undefined): ServerDescription {
  const instructions =
    "Runs Python, Node.js and shell command lines in isolated sandboxes. Pass the session_id of an earlier result to go on where it " +
    "left off; stop_session when done.";
  return {
    info: { name: "msb-mcp", title: "msb-mcp", version },
    capabilities: { tools: {}, resources: {} },
    extensions: { [tasksExtension]: {}, [uiExtension]: {} },
    instructions: warning === undefined ? instructions : `${instructions} Note: ${warning}`,
  };
}
