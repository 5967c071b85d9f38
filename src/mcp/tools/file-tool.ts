// What the tools for files share: their options, and how a file is named and its answer ends.

import { Type } from "@sinclair/typebox";
import type { Clock } from "../../clock.ts";
import type { GuestPath } from "../../sandbox/files.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { StructuredContent } from "../structured.ts";
import type { ToolErrors } from "../tool.ts";
import { sessionHeader } from "./schemas.ts";

/** Where who has it can download a file. Undefined where there is no such place, as on stdio. */
export type LinkFor = (file: {
  readonly principal: string;
  readonly sessionId: string;
  readonly path: GuestPath;
}) => string | undefined;

export type FileTool = {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Bytes of text in an answer. */
  readonly maxOutputBytes: number;
  readonly toolErrors: ToolErrors;
  /** Default auto. */
  readonly structuredContent?: StructuredContent;
  readonly linkFor?: LinkFor | undefined;
};

/** What tool arguments carry, and what is edited (CONTRACT.md section 10). */
export const maxContentBytes = 1024 * 1024;

/** Of what is in an answer twice, as text and as structured content, each byte up to six as JSON: it has 900,000 bytes at most. */
export const maxToldTwiceBytes = 70_000;

export const sessionArgument = Type.String({ ...sessionHeader, description: "From an earlier result." });

export const pathArgument = Type.String({ minLength: 1, description: "Absolute, or from the home folder on." });

/** How a file that does not go into an answer is fetched. */
export function howToFetch(sessionId: string, shown: string, link: string | undefined): string {
  if (link !== undefined) return `download: ${link}`;
  return `download: transfer_file ${JSON.stringify({ session_id: sessionId, path: shown, direction: "download" })}`;
}
