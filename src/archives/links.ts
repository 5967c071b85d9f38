// The links of an archive that is unpacked. They are made when nothing more is written, so no entry goes through one; and none leads out of the folder,
// whatever links are on its way.

import { isMissing, isRefusedAs } from "../sandbox/file-verdicts.ts";
import type { Files, GuestPath } from "../sandbox/files.ts";
import { readBetween } from "../sandbox/read-between.ts";
import type { LeftOut } from "./left-out.ts";
import { maxLinksLength } from "./limits.ts";
import { ArchiveRefused, partsOf, refuseLeavingLink } from "./names.ts";

type Link = { readonly name: string; readonly target: string };

export type LinkPlace = {
  readonly files: Files;
  /** Where the archive is unpacked to. */
  readonly folder: GuestPath;
  /** Counts what is written. */
  readonly measured: (content: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly leftOut: LeftOut;
  readonly signal: AbortSignal;
};

export class Links {
  /** By their names; in all of them at most `maxLinksLength` characters. */
  readonly #symbolic = new Map<string, string>();
  readonly #hard = new Map<string, string>();
  #length = 0;

  /** Throws ArchiveRefused for one that leaves the folder. */
  add(parts: readonly string[], target: string, isHard: boolean): void {
    const name = parts.join("/");
    refuseLeavingLink(name, target, isHard);
    this.#length += name.length + target.length;
    if (this.#length > maxLinksLength) {
      throw new ArchiveRefused(`Its links have more than ${maxLinksLength} characters of names and targets.`);
    }
    (isHard ? this.#hard : this.#symbolic).set(name, target);
  }

  /** How many there are then. */
  async make(place: LinkPlace): Promise<number> {
    let made = 0;
    for (const [name, target] of this.#hard) if (await copy({ name, target }, place)) made++;
    for (const [name, target] of this.#symbolic) {
      const why = this.#whyNot(name, target) ?? (await link({ name, target }, place));
      if (why === undefined) made++;
      else place.leftOut.add(name, `a link to ${target}: ${why}`);
    }
    return made;
  }

  /** Where ".." leads is known only from the link's own place on, and only if that is where its name says. */
  #whyNot(name: string, target: string): string | undefined {
    const steps = target.split("/").filter((step) => step !== "" && step !== ".");
    const down = steps.findIndex((step) => step !== "..");
    if (down >= 0 && steps.slice(down).includes("..")) return "it goes up (..) behind the name of a folder";
    const parts = name.split("/");
    const isBelow = parts.some((_, count) => count > 0 && this.#symbolic.has(parts.slice(0, count).join("/")));
    return isBelow ? "it is below another link" : undefined;
  }
}

/** Why it was not made, if it was not. */
async function link({ name, target }: Link, { files, folder, signal }: LinkPlace): Promise<string | undefined> {
  const slash = name.lastIndexOf("/");
  try {
    if (slash > 0) await files.makeFolder(`${folder}/${name.slice(0, slash)}`, signal);
    await files.makeLink(`${folder}/${name}`, target, signal);
    return undefined;
  } catch (error) {
    if (isRefusedAs(error, "exists", "not_folder")) return "a file or folder of its name is in the archive, too";
    throw error;
  }
}

/** Files have one name here: a second one is a file with the same content. False if there is none, which is told. */
async function copy({ name, target }: Link, place: LinkPlace): Promise<boolean> {
  const { files, folder, measured, leftOut, signal } = place;
  try {
    await using file = await files.open(`${folder}/${partsOf(target).join("/")}`, signal);
    const { sizeBytes, permissions } = file.info;
    const options = { mode: "replace", makeFolders: true, permissions } as const;
    await files.write(`${folder}/${name}`, measured(readBetween(file, 0, sizeBytes)), options, signal);
    return true;
  } catch (error) {
    if (!isMissing(error) && !isRefusedAs(error, "is_folder", "not_folder")) throw error;
    leftOut.add(name, `a hard link to ${target}: that is no file of the archive, or the name is taken`);
    return false;
  }
}
