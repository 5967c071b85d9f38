// Are the templates' images here already? One that is not is fetched by the first call that needs it, which then takes long.

import { access } from "node:fs/promises";
import type { Finding } from "../../sandbox/checks/finding.ts";
import type { Runtime } from "../../sandbox/microvm/runtime/runtime.ts";
import { type ImageSource, imageName, type Template } from "../../sandbox/templates.ts";

const check = "images";

/** `runtime` undefined: there is none that could know. */
export async function checkImages(templates: readonly Template[], runtime: Runtime | undefined): Promise<Finding> {
  if (runtime === undefined)
    return { check, status: "skipped", found: "nothing to look with: the microVM runtime is missing" };
  const states = await Promise.all(
    templates.map(async ({ image }) => ({ image, state: await stateOf(image, runtime) })),
  );
  const absent = (state: ImageState) => [
    ...new Set(states.filter((one) => one.state === state).map(({ image }) => imageName(image))),
  ];
  const [gone, toFetch] = [absent("gone"), absent("to be fetched")];
  if (gone.length > 0) {
    return { check, status: "warning", found: `no such file: ${gone.join(", ")}`, mend: "Correct --templates." };
  }
  if (toFetch.length > 0) {
    const found = `not here yet: ${toFetch.join(", ")}; the first call that needs one fetches it`;
    return { check, status: "warning", found, mend: "Fetch them ahead: msb-mcp pull" };
  }
  return { check, status: "ok", found: `those of all ${templates.length} templates are here` };
}

type ImageState = "here" | "to be fetched" | "gone";

async function stateOf(image: ImageSource, { microsandbox }: Runtime): Promise<ImageState> {
  if (image.kind === "folder") return (await exists(image.path)) ? "here" : "gone";
  const isHere = await microsandbox.Image.get(image.reference).then(
    () => true,
    () => false,
  );
  if (isHere) return "here";
  return image.kind === "archive" && !(await exists(image.path)) ? "gone" : "to be fetched";
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
