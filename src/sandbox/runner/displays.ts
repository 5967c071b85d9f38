// What one run shows beside its output, as its guest program tells it: checked, and put together with its place in stdout.
//
// The guest writes {"id", "display": {"number", "data", "path"?, "note"?}} to control-out, and then the run's mark and `d<number>` as a line to stdout.
// Numbers count from 1. A run that has shown something answers on control-out, so that all that it has shown is heard before its end.

import type { Display } from "../files.ts";
import { isRecord } from "../is-record.ts";
import { isPictureType, maxPictureSidePx, pictureOf } from "../picture.ts";

/** `stdoutBytes`: how much of the run's stdout comes before it. */
export type ShowDisplay = (display: Display, stdoutBytes: number) => void;

/** Of one run. */
const maxDisplays = 100;
/** Of one, as it was written: characters. */
const maxLineLength = 1024 * 1024;
/** Of all whose place has not come yet, characters: the oldest is shown where the output is by then. */
const maxWaitingLength = 2 * 1024 * 1024;
const maxPathLength = 4096;
const maxNoteLength = 500;

const textForms = ["image/svg+xml", "text/plain", "text/html", "text/markdown", "text/latex", "application/json"];

type Waiting = { readonly display: Display; readonly length: number };

export class RunDisplays {
  readonly #show: ShowDisplay | undefined;
  readonly #onNotice: ((notice: string) => void) | undefined;
  #printedBytes = 0;
  /** By number, as the next one; at most `maxDisplays` of both together. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #places = new Map<number, number>();
  readonly #heard = new Set<number>();
  #dropped = 0;
  #why = "";

  constructor(show: ShowDisplay | undefined, onNotice: ((notice: string) => void) | undefined) {
    this.#show = show;
    this.#onNotice = onNotice;
  }

  printed(bytes: number): void {
    this.#printedBytes += bytes;
  }

  /** Whether a line behind the run's mark says that the display of this number belongs here. */
  isPlace(line: string): boolean {
    const number = /^d(\d{1,9})$/.exec(line)?.[1];
    if (number === undefined) return false;
    this.#place(Number(number));
    return true;
  }

  #place(number: number): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) {
      if (number <= maxDisplays && !this.#heard.has(number)) this.#places.set(number, this.#printedBytes);
      return;
    }
    this.#waiting.delete(number);
    this.#show?.(waiting.display, this.#printedBytes);
  }

  /** `length`: of the line, in characters. */
  heard(message: unknown, length: number): void {
    const { number, ...told } = isRecord(message) ? message : {};
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1 || this.#heard.has(number)) {
      this.#drop("it had no number of its own");
      return;
    }
    if (number > maxDisplays) {
      this.#drop(`a run can show ${maxDisplays}`);
      return;
    }
    this.#heard.add(number);
    const display = length <= maxLineLength ? this.#checked(told) : this.#drop("it was larger than 1 MiB");
    if (display === undefined) return;
    const place = this.#places.get(number);
    if (place === undefined) this.#wait(number, { display, length });
    else this.#show?.(display, place);
  }

  #wait(number: number, display: Waiting): void {
    this.#waiting.set(number, display);
    let length = 0;
    for (const waiting of this.#waiting.values()) length += waiting.length;
    for (const [oldest, waiting] of this.#waiting) {
      if (length <= maxWaitingLength) return;
      length -= waiting.length;
      this.#place(oldest);
    }
  }

  /** The run is over: what has no place of its own belongs to its end. */
  end(): void {
    for (const number of this.#waiting.keys()) this.#place(number);
    if (this.#dropped === 0) return;
    const what = this.#dropped === 1 ? "One display was dropped" : `${this.#dropped} displays were dropped`;
    this.#onNotice?.(`${what}: ${this.#why}.`);
    this.#dropped = 0;
  }

  #drop(why: string): undefined {
    if (this.#dropped === 0) this.#why = why;
    this.#dropped += 1;
  }

  /** Undefined if nothing is left of it. */
  #checked({ data, path, note }: Readonly<Record<string, unknown>>): Display | undefined {
    const forms: Record<string, string> = {};
    let fault: string | undefined;
    for (const [type, form] of Object.entries(isRecord(data) ? data : {})) {
      if (typeof form !== "string") continue;
      const isPicture = isPictureType(type);
      const wrong = isPicture ? faultOf(type, form) : undefined;
      if (wrong !== undefined) fault = wrong;
      else if (isPicture || textForms.includes(type)) forms[type] = form;
    }
    const isPath = typeof path === "string" && path !== "" && path.length <= maxPathLength;
    if (Object.keys(forms).length === 0 && !isPath) return this.#drop(fault ?? "it had no form that can be shown");
    const notes = [
      ...(typeof note === "string" && note !== "" ? [note.slice(0, maxNoteLength).toWellFormed()] : []),
      ...(fault === undefined ? [] : [fault]),
    ];
    return { data: forms, ...(isPath && { path }), ...(notes.length > 0 && { note: notes.join("; ") }) };
  }
}

/** Undefined if the picture can be shown. */
function faultOf(type: string, base64: string): string | undefined {
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return "its picture was not base64";
  const picture = pictureOf(Buffer.from(base64, "base64"));
  if (picture?.mediaType !== type) return `its picture was not ${type}`;
  const { width, height } = picture.sides ?? { width: 0, height: 0 };
  if (width === 0 || height === 0) return "its picture tells no size";
  if (Math.max(width, height) <= maxPictureSidePx) return undefined;
  return `its picture of ${width} × ${height} pixels is larger than ${maxPictureSidePx} a side`;
}
