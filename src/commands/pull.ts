// `msb-mcp pull`: makes the images and packages of templates available ahead, one after the other, and tells how it goes.

import type { Clock } from "../clock.ts";
import type { Config, OptionName } from "../config/options.ts";
import { Failure, StartError } from "../failure.ts";
import { dataTemplate } from "../sandbox/data-template.ts";
import { type AvailableOptions, Images } from "../sandbox/microvm/images/images.ts";
import { openRuntime } from "../sandbox/microvm/runtime/runtime.ts";
import { type ImageSource, imageName, type Template } from "../sandbox/templates.ts";
import { buildPackages } from "./pull-packages.ts";

export type PullImagesOptions = {
  readonly templates: readonly Template[];
  readonly images: { makeAvailable(image: ImageSource, options: AvailableOptions): Promise<void> };
  /** Gets whole lines, for the operator. */
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
};

export type PullOptions = {
  readonly config: Config;
  /** The options that were given rather than defaulted. */
  readonly given: ReadonlySet<OptionName>;
  /** The name of the only one that is asked for; undefined for all that are configured. */
  readonly template: string | undefined;
  readonly clock: Clock;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
};

/** The exit status: 0 if all is there, 1 if an image or packages are not, 2 if there is nothing to fetch them with, or no such template. */
export async function pull(options: PullOptions): Promise<0 | 1 | 2> {
  const { config, given, template: name, clock, write, signal } = options;
  const all = [...config.templates, dataTemplate];
  const templates =
    name === undefined ? config.templates : all.filter((template) => template.name === name).slice(0, 1);
  if (templates.length === 0) {
    const names = [...new Set(all.map((template) => template.name))].join(", ");
    write(`--template: ${JSON.stringify(name)} is not allowed; it must be one of ${names}`);
    return 2;
  }
  const layered = templates.filter(({ packages }) => packages !== undefined);
  const isMicrovm = config.backend === "microvm" || config.backend === "auto";
  if (!isMicrovm && layered.length === 0) {
    write(
      `nothing to fetch: the ${config.backend} backend boots no images of this machine's, and no template has packages`,
    );
    return 0;
  }
  try {
    // With packages, the backend's own sandboxes fetch their image; without, no backend need be there.
    const bare = templates.filter(({ packages }) => packages === undefined);
    const images = isMicrovm && bare.length > 0 ? await pullBare(options, bare) : 0;
    if (layered.length === 0) return images;
    const built = await buildPackages({ config, given, templates: layered, clock, write, signal });
    return built === 0 ? images : built;
  } catch (error) {
    if (!(error instanceof Failure || error instanceof StartError)) throw error;
    write(error.message);
    return 2;
  }
}

async function pullBare({ config, given, clock, write, signal }: PullOptions, templates: readonly Template[]) {
  const installedDir = given.has("runtimeDir") ? config.runtimeDir : undefined;
  const { microsandbox, paths } = await openRuntime({ cacheDir: config.runtimeDir, installedDir });
  const images = new Images({ store: microsandbox.Image, msb: paths.msb, archive: config.imagesArchive, clock });
  return await pullImages({ templates, images, write, signal });
}

/** The exit status. An image that fails does not keep the others from being fetched. */
export async function pullImages({ templates, images, write, signal }: PullImagesOptions): Promise<0 | 1> {
  const byImage = Map.groupBy(templates, ({ image }) => JSON.stringify(image));
  let status: 0 | 1 = 0;
  for (const sharing of byImage.values()) {
    const [first] = sharing;
    if (first === undefined) continue;
    const name = imageName(first.image);
    const users = sharing.map((template) => template.name).join(", ");
    try {
      await images.makeAvailable(first.image, { onProgress: (message) => write(`${name}: ${message}`), signal });
      write(`${name}: ready (${users})`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      status = 1;
      write(`${name}: failed (${users}): ${withoutAdvice(error)}`);
      if (error.cause instanceof Error) write(`${name}: ${error.cause.message}`);
    }
  }
  return status;
}

/** The advice is for callers of a server, and sends them to this command. */
function withoutAdvice({ message, advice: [first] }: Failure): string {
  return first !== undefined && message.endsWith(` ${first}`) ? message.slice(0, -first.length - 1) : message;
}
