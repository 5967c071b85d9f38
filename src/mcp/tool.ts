// defineTool: a TypeBox schema and a few lines that call the domain become a tool as the edge sees it. Here arguments are
// validated, and here alone a Failure meets the wire.

import type { CallToolResult, Tool as WireTool } from "@modelcontextprotocol/sdk/types.js";
import { OptionalKind, type Static, type TObject, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Failure, failureTable } from "../failure.ts";
import { shownPath } from "../sandbox/shown-paths.ts";
import { explainMismatch } from "./arguments.ts";
import type { Audience } from "./caller.ts";
import type { CallContext, ToolAnswer } from "./tool-set.ts";

/**
 * How a Failure is told (`--tool-errors`): as a JSON-RPC error, or as a tool result with `isError`. `auto`: errors for programs, results for
 * agents, because most hosts keep errors from their model (SEP-1303).
 */
export type ToolErrors = "auto" | "error" | "result";

export type ToolDefinition<S extends TObject> = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: S;
  /** Optional texts of which an empty one is not the same as none. */
  readonly mayBeEmpty?: readonly string[];
  readonly annotations: NonNullable<WireTool["annotations"]>;
  /** For hosts: how its results are shown. */
  readonly meta?: NonNullable<WireTool["_meta"]>;
  readonly call: (args: Static<S>, context: CallContext) => Promise<ToolAnswer> | ToolAnswer;
};

export type Tool = {
  readonly wire: WireTool;
  call(args: unknown, context: CallContext): ToolAnswer | Promise<ToolAnswer>;
};

/** An error that goes to the wire as it is. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, options: { readonly data?: unknown; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.data = options.data;
  }
}

export function defineTool<S extends TObject>(definition: ToolDefinition<S>, toolErrors: ToolErrors): Tool {
  const { name, title, description, input, annotations, meta, mayBeEmpty = [] } = definition;
  const fits = TypeCompiler.Compile(checkable(input));
  return {
    wire: {
      name,
      title,
      description,
      inputSchema: { ...input, properties: nullable(input), type: "object" },
      annotations,
      ...(meta !== undefined && { _meta: meta }),
    },
    call(args, context) {
      try {
        const flat = flatten(args, input, mayBeEmpty);
        if (!fits.Check(flat)) throw explainMismatch(input, fits.Errors(flat), flat);
        const result = definition.call(flat, context);
        return result instanceof Promise ? result.catch((error) => tellFailure(error, context, toolErrors)) : result;
      } catch (error) {
        return tellFailure(error, context, toolErrors);
      }
    },
  };
}

/** Throws what is not a Failure, and a Failure that is told as an error. */
export function tellFailure(error: unknown, context: CallContext, toolErrors: ToolErrors): CallToolResult {
  if (!(error instanceof Failure)) throw error;
  context.account.failure = error.kind;
  if (isToldAsError(toolErrors, context.audience)) throw wireError(error);
  return resultOf(error);
}

/** A Failure as the result of a tool. */
export function resultOf(error: Failure): CallToolResult {
  const content = [{ type: "text" as const, text: error.message }];
  return { content, isError: true, structuredContent: { error: wireData(error) } };
}

/** Forms and some frameworks send every property, so the schema says that an optional one may be null, in the word that they look for. */
function nullable({ properties }: TObject) {
  const entries = Object.entries(properties).map(([name, schema]) => [
    name,
    OptionalKind in schema ? { ...schema, nullable: true } : schema,
  ]);
  return Object.fromEntries(entries);
}

/** The schema as TypeBox can check it: a list of strings that models read as `enum` is a union of literals to TypeBox. */
function checkable<S extends TObject>(input: S): S {
  const properties = Object.entries(input.properties).map(([name, schema]) => {
    if (!Array.isArray(schema.enum)) return [name, schema];
    const union = Type.Union(schema.enum.map((value: string) => Type.Literal(value)));
    return [name, OptionalKind in schema ? Type.Optional(union) : union];
  });
  return { ...input, properties: Object.fromEntries(properties) };
}

/**
 * Arguments for what they plainly mean (CONTRACT.md section 6), as clients really send them: unwrapped from `{"params": {…}}`; null, and "" of an
 * optional one, as left out; "30" of an integer as 30, "true" of a boolean as true; a text that is JSON of the object or list that is wanted as
 * that, and one object as a list of it.
 */
function flatten(args: unknown, schema: TObject, mayBeEmpty: readonly string[]): unknown {
  const inner = unwrapped(args);
  if (!isRecord(inner)) return inner;
  const { properties } = schema;
  const flat: [string, unknown][] = [];
  for (const [name, value] of Object.entries(inner)) {
    const schema = properties[name];
    const isOptional = schema !== undefined && OptionalKind in schema;
    if (value === null || (value === "" && isOptional && !mayBeEmpty.includes(name))) continue;
    flat.push([name, meant(value, schema?.type)]);
  }
  // Not by assigning, for which "__proto__" is no name of an argument.
  return Object.fromEntries(flat);
}

/** What a client has wrapped its arguments in, taken off: a record, or what is none. */
export function unwrapped(args: unknown): unknown {
  if (args === undefined || args === null) return {};
  if (typeof args === "string") return unwrapped(recordIn(args));
  if (!isRecord(args)) return args;
  return Object.keys(args).length === 1 && isRecord(args.params) ? args.params : args;
}

function meant(value: unknown, type: unknown): unknown {
  if (type === "array") return listIn(value);
  return typeof value === "string" ? meantBy(value, type) : value;
}

function meantBy(text: string, type: unknown): unknown {
  const word = text.trim();
  if (type === "integer" && /^[+-]?\d{1,15}$/.test(word)) return Number(word);
  if (type === "boolean" && /^(?:true|false)$/i.test(word)) return word.toLowerCase() === "true";
  return text;
}

function listIn(value: unknown): unknown {
  if (isRecord(value)) return [value];
  if (typeof value !== "string") return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return isRecord(parsed) ? [parsed] : parsed;
  } catch {
    return value;
  }
}

/** The object whose JSON a text is, else a list of nothing but the text, which no tool takes. */
function recordIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : [text];
  } catch {
    return [text];
  }
}

export function isToldAsError(toolErrors: ToolErrors, audience: Audience): boolean {
  return toolErrors === "auto" ? audience === "program" : toolErrors === "error";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function wireError(failure: Failure): ProtocolError {
  const { code } = failureTable[failure.kind];
  return new ProtocolError(code, failure.message, { data: wireData(failure), cause: failure });
}

/** CONTRACT.md section 6. */
function wireData(failure: Failure) {
  const { errorCode, category, severity } = failureTable[failure.kind];
  return {
    error_code: errorCode,
    category,
    severity,
    recovery_suggestions: failure.advice,
    context: writable(failure.context),
  };
}

/** A path may have bytes in it that strict readers of JSON do not take. */
function writable({ path, ...context }: Failure["context"]): Failure["context"] {
  return typeof path === "string" ? { path: shownPath(path), ...context } : context;
}
