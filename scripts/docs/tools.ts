// The tables of tools: the short one of the README, and docs/reference/tools.md with every argument, result and an example.

import type { Tool } from "@modelcontextprotocol/sdk/types.js";
import type { TObject } from "@sinclair/typebox";
import { loadConfig } from "../../src/config/load.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import type { ToolSet } from "../../src/mcp/tool-set.ts";
import { fakeLinks } from "../../test/fakes/links.ts";
import { sessionsOverFake } from "../../test/fakes/sessions.ts";
import type { Example } from "./answers.ts";
import { markdownTable } from "./markdown.ts";
import { toolAnswers } from "./results.ts";

/** The tools of a server without options. */
export function openCatalog(): { readonly tools: ToolSet } & AsyncDisposable {
  const loaded = loadConfig([], {}, { cwd: "/", homeDir: "/home/ada" });
  if (loaded.kind !== "config") throw new Error("the defaults are no configuration");
  const { config } = loaded;
  const fake = sessionsOverFake();
  const links = fakeLinks(fake.clock, config.maxTransferBytes, "http://localhost:8000");
  const tools = createCatalog({
    ...{ ...config, sessions: fake.sessions, clock: fake.clock, volumes: config.sharedVolumes, reach: config },
    transfers: { kind: "links", mint: links.mint },
  });
  return { tools, [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() };
}

/** A line a tool: what it does is the first sentence that agents read. */
export function toolsTable(tools: readonly Tool[]): string {
  const rows = tools.map(({ name, description = "" }) => [`\`${name}\``, /^.*?\.(?= |$)/.exec(description)?.[0] ?? ""]);
  return markdownTable(["tool", "what it does"], rows);
}

export function toolsMarkdown(tools: readonly Tool[]): string {
  return tools.map(section).join("\n\n");
}

function section({ name, title, description, inputSchema, annotations, _meta }: Tool): string {
  const answer = toolAnswers[name];
  if (answer === undefined) throw new Error(`scripts/docs/results.ts does not tell what ${name} answers`);
  const { result, example, running } = answer;
  const hints = Object.entries({ ...annotations, ..._meta }).map(
    ([hint, value]) => `\`${hint}\`: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [
    `## ${name}`,
    `${title}. What agents read of it:`,
    `> ${description}`,
    `Hints for clients: ${hints.join(", ")}.`,
    "### Arguments",
    fields(inputSchema, ["argument", "type", "required", "what it is"], (isRequired) => (isRequired ? "yes" : "no")),
    "### Result",
    resultFields(result),
    "### Example",
    ...shown(name, example),
    ...(running === undefined ? [] : ["### Result of a run that goes on", resultFields(running.result)]),
    ...(running?.example === undefined ? [] : ["### Example of a run that goes on", ...shown(name, running.example)]),
  ].join("\n\n");
}

function resultFields(result: TObject): string {
  return fields(result, ["`structuredContent`", "type", "there", "what it is"], (isRequired) =>
    isRequired ? "always" : "sometimes",
  );
}

function shown(name: string, example: Example): readonly string[] {
  return [
    `\`\`\`json\n${JSON.stringify({ name, arguments: example.arguments })}\n\`\`\``,
    `\`\`\`json\n${JSON.stringify(example.result, null, 2)}\n\`\`\``,
  ];
}

type Fields = {
  readonly properties?: Readonly<Record<string, object>> | undefined;
  readonly required?: readonly string[] | undefined;
};

function fields(
  { properties = {}, required = [] }: Fields,
  head: readonly string[],
  presence: (isRequired: boolean) => string,
): string {
  const rows = Object.entries(properties).map(([name, schema]) => [
    `\`${name}\``,
    typeOf(schema),
    presence(required.includes(name)),
    "description" in schema ? String(schema.description) : "",
  ]);
  return rows.length === 0 ? "None." : markdownTable(head, rows);
}

function typeOf(schema: object): string {
  const {
    type,
    anyOf,
    enum: values,
    minimum,
    maximum,
    const: only,
  } = { ...schema } as Readonly<Record<string, unknown>>;
  if (isListOfObjects(schema)) return `list of ${schemaFields(schema.items)}`;
  if (only !== undefined) return `\`${only}\``;
  if (Array.isArray(values)) return values.map((value) => `\`${value}\``).join(", ");
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeOf(one)).join(anyOf.length > 2 ? ", " : " or ");
  if (minimum === undefined) return String(type);
  return maximum === undefined ? `${type}, at least ${minimum}` : `${type}, ${minimum} to ${maximum}`;
}

type ListOfObjects = { readonly type: "array"; readonly items: Fields };

/** In arguments; the fields of a result are told by its example. */
function isListOfObjects(schema: object): schema is ListOfObjects {
  const { type, items, minItems } = { ...schema } as Readonly<Record<string, unknown>>;
  return type === "array" && minItems !== undefined && typeof items === "object" && items !== null;
}

function schemaFields({ properties = {}, required = [] }: Fields): string {
  const names = Object.entries(properties).map(([name, schema]) => {
    const what = "description" in schema ? `: ${schema.description}` : "";
    return `\`${name}\` (${typeOf(schema)}${required.includes(name) ? "" : ", not required"}${what})`;
  });
  return names.join(", ");
}
