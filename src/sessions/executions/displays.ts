// What an execution has shown beside its output: of each display the form that is told, within what an answer can carry, and its places.

import type { Display } from "../../sandbox/files.ts";
import { isPictureType, maxPictures, maxPicturesLength } from "../../sandbox/picture.ts";
import { bestForm, type Form } from "./display-form.ts";
import { encodedBytes } from "./encoded.ts";

/** Of the text of one display, and of all that is told of an execution's displays in words. Bytes of JSON. */
const maxTextBytes = 32 * 1024;
const maxWordsBytes = 100_000;
/** What a display takes in an answer beside its form, its path and its note: as structured content. Bytes of JSON. */
const fieldsBytes = 250;

export type Shown = {
  /** Undefined where nothing of it can be told but what it was. */
  readonly form: Form | undefined;
  /** All that it had. */
  readonly mediaTypes: readonly string[];
  readonly path: string | undefined;
  readonly note: string | undefined;
  /** How much output comes before it: of stdout, and of both streams as they came. Bytes. */
  readonly offsets: { readonly stdout: number; readonly all: number };
  /** What an answer grows by it at most: by its picture, and by all else. */
  readonly pictureBytes: number;
  readonly wordsBytes: number;
};

/** `at`: where it belongs in the text of stdout that it comes with, in UTF-16 code units. */
export type PlacedDisplay = Shown & { readonly at: number };

/** What all executions keep of what they have shown, in memory: the oldest gives way. */
export class DisplayRoom {
  readonly #maxLength: number;
  /** Those that keep something, in the order in which they began to. */
  readonly #holders = new Set<ExecutionDisplays>();

  constructor(maxLength = 64 * 1024 * 1024) {
    this.#maxLength = maxLength;
  }

  grown(by: ExecutionDisplays): void {
    this.#holders.add(by);
    let length = 0;
    for (const holder of this.#holders) length += holder.length;
    for (const holder of this.#holders) {
      if (length <= this.#maxLength) return;
      length -= holder.length;
      holder.drop();
    }
  }

  left(by: ExecutionDisplays): void {
    this.#holders.delete(by);
  }
}

export class ExecutionDisplays {
  readonly #room: DisplayRoom;
  /** In the order of their places; the port promises at most a hundred. */
  #all: readonly Shown[] = [];
  #pictures = 0;
  #picturesLength = 0;
  #wordsBytes = 0;
  #leftOut = 0;
  #isDropped = false;

  constructor(room: DisplayRoom) {
    this.#room = room;
  }

  get all(): readonly Shown[] {
    return this.#all;
  }

  /** What it takes of memory, about: in characters. */
  get length(): number {
    return this.#picturesLength + this.#wordsBytes;
  }

  /** What is missing, a sentence each. */
  get notices(): readonly string[] {
    if (this.#isDropped) return ["What it has shown was dropped: all executions together may keep no more."];
    if (this.#leftOut === 0) return [];
    const what = this.#leftOut === 1 ? "1 display more is" : `${this.#leftOut} displays more are`;
    return [`${what} not told: an answer has no more room for them.`];
  }

  add(display: Display, offsets: Shown["offsets"]): void {
    if (this.#isDropped) return;
    const { form, note } = this.#fitting(display);
    const { path } = display;
    // The text once; the rest in words and as structured content.
    const textBytes = form === undefined || isPictureType(form.mediaType) ? 0 : encodedBytes(form.content);
    const wordsBytes = textBytes + 2 * (encodedBytes(path ?? "") + encodedBytes(note ?? "")) + fieldsBytes;
    if (this.#wordsBytes + wordsBytes > maxWordsBytes) {
      this.#leftOut += 1;
      return;
    }
    const pictureBytes = form !== undefined && isPictureType(form.mediaType) ? form.content.length : 0;
    this.#wordsBytes += wordsBytes;
    this.#picturesLength += pictureBytes;
    if (pictureBytes > 0) this.#pictures += 1;
    const own = { form, mediaTypes: Object.keys(display.data), path, note, offsets, pictureBytes, wordsBytes };
    this.#all = [...this.#all, own].toSorted((one, other) => one.offsets.stdout - other.offsets.stdout);
    this.#room.grown(this);
  }

  /** Forgets them. */
  drop(): void {
    this.#isDropped ||= this.#all.length > 0;
    this.#all = [];
    this.#picturesLength = 0;
    this.#wordsBytes = 0;
    this.#room.left(this);
  }

  #fitting({ data, note }: Display): Pick<Shown, "form" | "note"> {
    const form = bestForm(data);
    if (form === undefined) return { form, note };
    const { mediaType, content } = form;
    if (isPictureType(mediaType)) {
      const isFull = this.#pictures >= maxPictures || this.#picturesLength + content.length > maxPicturesLength;
      if (!isFull) return { form, note };
      return { form: undefined, note: noted(note, "not shown, because an answer has no more room for pictures") };
    }
    let kept = content;
    for (let bytes = encodedBytes(kept); bytes > maxTextBytes; bytes = encodedBytes(kept)) {
      kept = kept.slice(0, Math.floor(kept.length * Math.min(0.95, maxTextBytes / bytes))).toWellFormed();
    }
    if (kept === content) return { form, note };
    return {
      form: { mediaType, content: kept },
      note: noted(note, `its last ${content.length - kept.length} characters left out`),
    };
  }
}

function noted(note: string | undefined, more: string): string {
  return note === undefined ? more : `${note}; ${more}`;
}
