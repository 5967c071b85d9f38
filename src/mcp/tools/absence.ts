// Why a session is not active, as fields of an answer.

import { type Absence, reasonOf } from "../../sessions/endings.ts";

/** `at` is when it ended. */
export function absenceFields(absence: Absence, message: string) {
  const at = typeof absence !== "string" && "at" in absence ? absence.at : undefined;
  return { reason: reasonOf(absence), message, ...(at !== undefined && { at: new Date(at).toISOString() }) };
}
