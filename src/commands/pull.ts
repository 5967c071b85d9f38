// `msb-mcp pull`: makes the images of all templates available ahead, one after the other, and tells how it goes.

import type { Clock } from "../clock.ts";
import type { Config } from "../config/options.ts";
import { Failure } from "../failure.ts";
import { type AvailableOptions, Images } from "../sandbox/microvm/images/images.ts";
import { openRuntime } from "../sandbox/microvm/runtime/runtime.ts";
import { type ImageSource, imageName, type Template } from "../sandbox/templates.ts";

export type PullImagesOptions = {
  readonly templates: readonly Template[];
  readonly images: { makeAvailable(image: ImageSource, options: AvailableOptions): Promise<void> };
  /** Gets whole lines, for the operator. */
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
};

export type PullOptions = {
  readonly config: Config;
  /** `--runtime-dir` was given. */
  readonly isRuntimeDirGiven: boolean;
  readonly clock: Clock;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
};

/** The exit status: 0 if all images are there, 1 if one is not, 2 if there is no runtime to fetch them for. */
export async function pull(options: PullOptions): Promise<0 | 1 | 2> {
  const { config, isRuntimeDirGiven, clock, write, signal } = options;
  if (config.backend !== "auto" && config.backend !== "microvm") {
    write(`nothing to fetch: the ${config.backend} backend boots no images of this machine's`);
    return 0;
  }
  try {
    const installedDir = isRuntimeDirGiven ? config.runtimeDir : undefined;
    const { microsandbox, paths } = await openRuntime({ cacheDir: config.runtimeDir, installedDir });
    const images = new Images({ store: microsandbox.Image, msb: paths.msb, archive: config.imagesArchive, clock });
    return await pullImages({ templates: config.templates, images, write, signal });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    write(error.message);
    return 2;
  }
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
