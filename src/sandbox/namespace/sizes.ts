// What a sandbox of this host may take of the machine, beyond the CPUs and the memory that its flavor names.

import type { Resources } from "../flavors.ts";

/** Processes and threads of one sandbox, for each of its CPUs. */
export const processesPerCpu = 128;

/** Size caps of the writable places, as parts of the sandbox's memory: they are in memory, and charged to it. */
const homeShare = 1 / 4;
const tmpShare = 1 / 4;
const sharedMemoryShare = 1 / 16;

/** Open files of one process: rarely limiting, but a program that leaks must not exhaust the machine's table. */
export const openFilesPerProcess = 4096;

/** Added to the badness of guest processes, so that under memory pressure they go before the server does (0 to 1000). */
export const outOfMemoryScore = 500;

const mebibyte = 1024 * 1024;

export function memoryBytes(resources: Resources): number {
  return resources.memoryMib * mebibyte;
}

export function processLimit(resources: Resources): number {
  return Math.ceil(resources.cpus * processesPerCpu);
}

export function homeBytes(resources: Resources): number {
  return Math.floor(memoryBytes(resources) * homeShare);
}

export function tmpBytes(resources: Resources): number {
  return Math.floor(memoryBytes(resources) * tmpShare);
}

export function sharedMemoryBytes(resources: Resources): number {
  return Math.floor(memoryBytes(resources) * sharedMemoryShare);
}
