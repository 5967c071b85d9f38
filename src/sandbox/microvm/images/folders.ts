// A folder as an image: is it the root of a Linux system at all? What is installed in it is found out by booting it.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../../failure.ts";
import { type ImageSource, imageName } from "../../templates.ts";

/** Throws Failure `configuration` if there is no folder, or no shell in it. */
export async function checkRootFolder(image: Extract<ImageSource, { kind: "folder" }>): Promise<void> {
  const name = imageName(image);
  const folder = await stat(image.path).catch((error: unknown) => unusable(`the ${name} cannot be read.`, error));
  if (!folder.isDirectory()) unusable(`the ${name} is no folder.`);
  // The link itself counts: where it points to is a path of the guest.
  const hasSystem = (await Promise.all(["bin", "usr/bin"].map((path) => isFolder(join(image.path, path))))).includes(
    true,
  );
  if (!hasSystem) unusable(`the ${name} is not the root of a Linux system: it has neither bin nor usr/bin.`);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function unusable(what: string, cause?: unknown): never {
  throw new Failure("configuration", what, {
    advice: ["Ask the operator to correct the template's image; `msb-mcp pull` checks it."],
    cause,
  });
}
