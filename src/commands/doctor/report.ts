// A diagnosis as people read it, and as programs do.

import { lineOf } from "../../sandbox/checks/finding.ts";
import type { Diagnosis } from "./doctor.ts";

/** A line a check, and one that sums up; ends with a newline. */
export function reportText({ findings, backend, ready }: Diagnosis): string {
  const lines = findings.map((finding) => `${finding.status.padEnd(8)} ${lineOf(finding)}`);
  const sum = ready ? `ready: sandboxes come from the ${backend} backend` : "not ready: see what is missing";
  return `${[...lines, sum].join("\n")}\n`;
}

/** One JSON object on one line; `backend` is null if none can be had. */
export function reportJson({ findings, asked, backend, ready }: Diagnosis, version: string): string {
  return `${JSON.stringify({ version, ready, asked, backend, checks: findings })}\n`;
}
