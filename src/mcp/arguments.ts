// What is wrong with a call's arguments, in words that name the field, the value and what is allowed.

import type { TObject, TSchema } from "@sinclair/typebox";
import type { ValueErrorIterator } from "@sinclair/typebox/compiler";
import { Failure } from "../failure.ts";

/** Values are shown up to this many characters. */
const shownChars = 80;
/** Faults told at once. */
const maxFaults = 5;

export function explainMismatch(schema: TObject, errors: ValueErrorIterator, args: unknown): Failure {
  const faults = new Map<string, Fault>();
  for (const error of errors) {
    const field = error.path.split("/")[1] ?? "";
    if (!faults.has(field)) faults.set(field, explain(schema, field, args));
    if (faults.size >= maxFaults) break;
  }
  const found = [...faults.values()];
  return new Failure("invalid_arguments", found.map((fault) => `${fault.text}.`).join(" "), {
    context: { fields: found.map(({ field, allowed }) => ({ field, allowed })) },
    advice: found.slice(0, 1).map((fault) => fault.advice),
  });
}

type Fault = { readonly field: string; readonly text: string; readonly allowed: string; readonly advice: string };

function explain(schema: TObject, field: string, args: unknown): Fault {
  const names = Object.keys(schema.properties).join(", ") || "none";
  if (field === "") {
    const text = `arguments are ${show(args)}, and must be an object`;
    return { field: "arguments", text, allowed: "an object", advice: `Give an object with the fields: ${names}.` };
  }
  const name = show(field).slice(1, -1);
  const property = schema.properties[field];
  const advice = property === undefined ? "Leave it out or correct its name." : `Correct ${name} and call again.`;
  if (property === undefined) {
    return { field: name, text: `there is no argument ${name}; there are: ${names}`, allowed: names, advice };
  }
  const allowed = allowedValues(property);
  const value = (args as Readonly<Record<string, unknown>>)[field];
  const text =
    value === undefined ? `${name} is required: ${allowed}` : `${name} is ${show(value)}, and must be ${allowed}`;
  return { field: name, text, allowed, advice };
}

function allowedValues(schema: TSchema): string {
  if (Array.isArray(schema.enum))
    return `one of ${schema.enum.map((value: unknown) => JSON.stringify(value)).join(", ")}`;
  if (schema.type === "integer") return wholeNumber(schema);
  if (schema.type === "boolean") return "true or false";
  if (schema.type === "array") return list(schema);
  if (schema.type !== "string") return `of type ${schema.type}`;
  const kind = schema.minLength === undefined ? "a string" : "a string that is not empty";
  if (schema.maxLength === undefined) return kind;
  return `${kind}${schema.minLength === undefined ? "" : ","} of at most ${schema.maxLength} characters`;
}

function list({ items, minItems, maxItems }: TSchema): string {
  const fields: object = items.properties ?? {};
  const required: readonly string[] = items.required ?? [];
  const names = Object.keys(fields).map((name) => (required.includes(name) ? name : `${name} (optional)`));
  return `a list of ${minItems} to ${maxItems} objects with the fields ${names.join(", ")}`;
}

function wholeNumber({ minimum, maximum }: TSchema): string {
  if (minimum === undefined) return "a whole number";
  return maximum === undefined
    ? `a whole number of at least ${minimum}`
    : `a whole number from ${minimum} to ${maximum}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= shownChars ? text : `${text.slice(0, shownChars)}…`;
}
