// The content of a result: its output and its line, and what the run has shown in its place between.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { isPictureType, pictureOf } from "../../sandbox/picture.ts";
import type { PlacedDisplay, Shown } from "../../sessions/executions/displays.ts";
import type { Audience } from "../caller.ts";

type Blocks = CallToolResult["content"];

export type ToldOutput = {
  readonly stdout: string;
  /** Has no places of its own: what was shown is before it. */
  readonly stderr: string;
  /** In the order of their places. */
  readonly displays: readonly PlacedDisplay[];
};

/**
 * For an agent one text that ends with `line`, cut where pictures come between. For a program the output alone, the line, and then what was shown.
 */
export function contentOf({ stdout, stderr, displays }: ToldOutput, line: string, audience: Audience): Blocks {
  if (audience === "program") return [text(stdout + stderr), text(line), ...displays.flatMap(blocksOf)];
  const blocks: Blocks = [];
  let open = "";
  let at = 0;
  for (const display of displays) {
    open += stdout.slice(at, display.at);
    at = Math.max(at, display.at);
    const picture = pictureBlock(display);
    if (picture !== undefined) {
      // Models' services refuse a text that is blank.
      if (open.trim() !== "") blocks.push(text(open));
      open = "";
      blocks.push(picture);
    }
    const words = wordsOf(display);
    if (words !== "") open = `${withLine(open, words)}${words.endsWith("\n") ? "" : "\n"}`;
  }
  return [...blocks, text(withLine(open + stdout.slice(at) + stderr, line))];
}

/** One block: some hosts show a model only the first, and models' APIs refuse an empty one. */
export function withLine(output: string, line: string): string {
  return output === "" || output.endsWith("\n") ? output + line : `${output}\n${line}`;
}

/** As structured content has them: what each is, and not its content. */
export function displayFields(displays: readonly Shown[]) {
  if (displays.length === 0) return {};
  return {
    displays: displays.map(({ form, mediaTypes, path, note, offsets }) => ({
      media_types: mediaTypes,
      ...(form !== undefined && { shown_as: form.mediaType }),
      ...sidesOf(form),
      ...(path !== undefined && { path }),
      ...(note !== undefined && { note }),
      offset: offsets.all,
    })),
  };
}

/** What an answer grows by that has these, and of `listed` what is told of each in structured content. */
export function displaysBytes(displays: readonly Shown[], listed = displays): number {
  const pictures = displays.reduce((sum, { pictureBytes }) => sum + pictureBytes, 0);
  return pictures + listed.reduce((sum, { wordsBytes }) => sum + wordsBytes, 0);
}

function blocksOf(display: PlacedDisplay): Blocks {
  const picture = pictureBlock(display);
  const words = wordsOf(display);
  return [...(picture === undefined ? [] : [picture]), ...(words === "" ? [] : [text(words)])];
}

function pictureBlock({ form }: Shown): Blocks[number] | undefined {
  if (form === undefined || !isPictureType(form.mediaType)) return undefined;
  return { type: "image", data: form.content, mimeType: form.mediaType };
}

/** What is told of it in words: its text, and a line for what was done to it and where the whole of it is. */
function wordsOf({ form, mediaTypes, path, note }: Shown): string {
  const content = form === undefined || isPictureType(form.mediaType) ? "" : form.content;
  if (path === undefined && note === undefined) return content;
  const what = mediaTypes.some(isPictureType) ? "picture" : "display";
  const told = [...(note === undefined ? [] : [note]), ...(path === undefined ? [] : [`saved as ${path}`])];
  return withLine(content, `[${what}: ${told.map(oneLine).join("; ")}]`);
}

/** Both come from the guest. */
function oneLine(words: string): string {
  return words.replace(/\p{Cc}+/gu, " ").trim();
}

function sidesOf(form: Shown["form"]) {
  if (form === undefined || !isPictureType(form.mediaType)) return {};
  return pictureOf(Buffer.from(form.content, "base64"))?.sides ?? {};
}

function text(content: string): Blocks[number] {
  return { type: "text", text: content };
}
