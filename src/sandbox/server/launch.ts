// What `sandbox.start` is asked for, checked before it is sent: the server writes a bad value into its Sandboxfile before it looks
// at it, and then refuses everything in that namespace (hazard b).

import { Failure } from "../../failure.ts";
import type { SandboxSpec } from "../port.ts";
import type { Volume } from "../volumes.ts";

export type StartConfig = {
  readonly image: string;
  readonly memory: number;
  readonly cpus: number;
  readonly volumes: readonly string[];
};

/**
 * The configuration of one sandbox. The template's environment is not in it: the relay gives that to every program, so
 * that no value of it can spoil a namespace.
 *
 * Throws Failure `configuration` for what the server would not take, or would take for something else.
 */
export function startConfig(spec: SandboxSpec, volumes: readonly Volume[]): StartConfig {
  const { serverImage: image, name } = spec.template;
  if (!isImageReference(image)) {
    throw new Failure("configuration", `The template ${name} has the image ${JSON.stringify(image)}.`, {
      advice: ["Give it a reference such as microsandbox/python or microsandbox/python:latest."],
      context: { template: name, image },
    });
  }
  for (const key of Object.keys(spec.template.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || spec.template.env[key]?.includes("\0")) {
      throw new Failure("configuration", `The template ${name} has an environment variable ${JSON.stringify(key)}.`, {
        advice: ["Names are letters, digits and _, not beginning with a digit; values have no NUL."],
        context: { template: name, variable: key },
      });
    }
  }
  return {
    image,
    memory: within("memory", spec.resources.memoryMib, 2 ** 32 - 1),
    cpus: within("cpus", spec.resources.cpus, 255),
    volumes: volumes.map(volumeArgument),
  };
}

/** "host:guest" as the server reads it: split at the first colon, without a mode (reference section 10). */
function volumeArgument(volume: Volume): string {
  if (volume.readOnly) {
    throw new Failure(
      "configuration",
      `The shared volume at ${volume.guestPath} is to be read-only, and a microsandbox server cannot mount one so.`,
      {
        advice: ["Share it without :ro, or use another backend."],
        context: { guest_path: volume.guestPath },
      },
    );
  }
  const bad = [volume.hostPath, volume.guestPath].some((path) => !path.startsWith("/") || hasControlCharacter(path));
  if (bad || volume.hostPath.includes(":")) {
    throw new Failure("configuration", `The shared volume at ${JSON.stringify(volume.guestPath)} cannot be mounted.`, {
      advice: ["A microsandbox server takes absolute paths, and no colon in the host's."],
      context: { guest_path: volume.guestPath },
    });
  }
  return `${volume.hostPath}:${volume.guestPath}`;
}

/** A reference without a leading "." or "/", which would name a folder of the server's machine. */
function isImageReference(image: string): boolean {
  const host = "(?:[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[0-9]+)?/)?";
  const path = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
  const tag = "(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?";
  return image.length <= 255 && new RegExp(`^${host}${path}(?:/${path})*${tag}$`).test(image);
}

function within(name: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new Failure("configuration", `The flavor's ${name} is ${value}; it must be an integer from 1 to ${most}.`);
  }
  return value;
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\u007f");
}
