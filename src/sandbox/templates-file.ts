// `--templates FILE`: a TOML file, a table a template, that adds templates or changes what the default ones and `data` are.

import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { dataTemplate } from "./data-template.ts";
import { isProgram, programRule } from "./interpreter-paths.ts";
import { isRecord } from "./is-record.ts";
import { maxListed, maxPackagesBytes, packageRules, packagesOfList } from "./packages.ts";
import {
  type CommonLanguage,
  defaultTemplates,
  type ImageSource,
  type Language,
  languages,
  type Packages,
  type Template,
} from "./templates.ts";

/** The names of all templates are in the schema of two tools, which every client reads. */
const maxTemplates = 32;

/** Far more than so many templates need. */
const maxFileBytes = 1_048_576;

const keys = ["language", "image", "server_image", "env", "interpreter", "packages"];

const rules = {
  name: "1 to 32 letters, digits, - and _, and begin with a letter",
  image: 'a string such as "python:3.13-slim", or { folder = "PATH" }, or { archive = "PATH", reference = "NAME:TAG" }',
  reference: 'an OCI reference such as "python:3.13-slim" or "ghcr.io/owner/name@sha256:…"',
  env: "a table of strings, whose names are letters, digits and _",
  interpreter: 'a path such as "/opt/python/bin/python3"',
  language: `one of ${languages.join(", ")}`,
};

/**
 * The default templates, changed and added to by the file. Relative paths in it are taken from its folder. Never throws: every problem names
 * the file, the key, the value and what is allowed.
 */
export function readTemplates(path: string): { templates: readonly Template[]; problems: readonly string[] } {
  const problems: string[] = [];
  const report = (key: string, value: unknown, rule: string) => {
    problems.push(`${path}: ${key}: ${show(value)} is not allowed; it must be ${rule}`);
  };
  const tables = parse(path, problems);
  const templates = new Map(defaultTemplates.map((template) => [template.name, template]));
  for (const [name, table] of Object.entries(tables)) {
    const template = readTemplate(name, table, templates.get(name) ?? readyFor(name, table), dirname(path), report);
    if (template !== undefined) templates.set(name, template);
  }
  if (templates.size > maxTemplates) {
    problems.push(`${path}: there are ${templates.size} templates with the default ones; allowed are ${maxTemplates}`);
  }
  return { templates: [...templates.values()], problems };
}

/** `data` is not there by default, but whole: a table that says nothing of its image is about that one. */
function readyFor(name: string, table: unknown): Template | undefined {
  const isOwn = isTable(table) && (table.image !== undefined || table.language !== undefined);
  return name === dataTemplate.name && !isOwn ? dataTemplate : undefined;
}

type Report = (key: string, value: unknown, rule: string) => void;

function parse(path: string, problems: string[]): Readonly<Record<string, unknown>> {
  try {
    const { size } = statSync(path);
    if (size > maxFileBytes) {
      problems.push(`${path}: has ${size} bytes; allowed are ${maxFileBytes}`);
      return {};
    }
    const parsed: unknown = Bun.TOML.parse(readFileSync(path, "utf8"));
    return isTable(parsed) ? parsed : {};
  } catch (error) {
    const why = error instanceof Error && "code" in error ? error.code : `it is no TOML (${messageOf(error)})`;
    problems.push(`${path}: cannot be read: ${why}; allowed is a TOML file with a table a template`);
    return {};
  }
}

/** Undefined if anything is wrong with it, which has been reported. */
function readTemplate(
  name: string,
  table: unknown,
  former: Template | undefined,
  folder: string,
  report: Report,
): Template | undefined {
  let isWhole = true;
  const wrong: Report = (key, value, rule) => {
    isWhole = false;
    report(key, value, rule);
  };
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(name)) wrong("template name", name, rules.name);
  if (!isTable(table)) {
    wrong(name, table, `a table with ${keys.join(", ")}`);
    return undefined;
  }
  for (const key of Object.keys(table)) {
    if (!keys.includes(key))
      wrong(`${name}.${key}`, table[key], `left out; the keys of a template are ${keys.join(", ")}`);
  }
  const language = readLanguage(name, table.language, former, wrong);
  const image = readImage(name, table.image, former, folder, wrong);
  const env = readEnv(name, table.env, former, wrong);
  const serverImage = readServerImage(name, table.server_image, wrong);
  const interpreter = readInterpreter(name, table.interpreter, folder, wrong) ?? former?.interpreter;
  if (language === "bash") refuseForBash(name, table, wrong);
  const packages =
    language && language !== "bash" && readPackages(name, table.packages, { language, former, folder }, wrong);
  if (!isWhole || language === undefined || image === undefined) return undefined;
  return {
    name,
    language,
    image,
    env,
    serverImage: serverImage ?? defaultServerImage(table.image, language, image, former),
    ...(interpreter !== undefined && { interpreter }),
    ...(packages && { packages }),
  };
}

function refuseForBash(name: string, table: Readonly<Record<string, unknown>>, wrong: Report): void {
  for (const key of ["interpreter", "packages"]) {
    if (table[key] !== undefined) wrong(`${name}.${key}`, table[key], "left out in a template of the language bash");
  }
}

function readLanguage(name: string, value: unknown, former: Template | undefined, wrong: Report): Language | undefined {
  if (value === undefined && former !== undefined) return former.language;
  const language = languages.find((candidate) => candidate === value);
  if (language === undefined) wrong(`${name}.language`, value, rules.language);
  return language;
}

function readImage(
  name: string,
  value: unknown,
  former: Template | undefined,
  folder: string,
  wrong: Report,
): ImageSource | undefined {
  const key = `${name}.image`;
  if (value === undefined && former !== undefined) return former.image;
  if (typeof value === "string") {
    if (isReference(value)) return { kind: "registry", reference: value };
    wrong(key, value, rules.reference);
    return undefined;
  }
  const names = isTable(value) ? Object.keys(value).sort().join(" ") : "";
  if (isTable(value) && names === "folder" && isPath(value.folder)) {
    const path = resolve(folder, value.folder);
    if (isThere(path, "folder")) return { kind: "folder", path };
    wrong(`${key}.folder`, value.folder, `a folder that is there (${path} is not)`);
    return undefined;
  }
  if (isTable(value) && names === "archive reference" && isPath(value.archive)) {
    const { archive, reference } = value;
    const path = resolve(folder, archive);
    if (!isReference(reference)) wrong(`${key}.reference`, reference, rules.reference);
    else if (isThere(path, "file")) return { kind: "archive", path, reference };
    else wrong(`${key}.archive`, archive, `a file that is there (${path} is not)`);
    return undefined;
  }
  wrong(key, value, rules.image);
  return undefined;
}

function readInterpreter(name: string, value: unknown, folder: string, wrong: Report): string | undefined {
  if (value === undefined) return undefined;
  const path = isPath(value) ? resolve(folder, value) : undefined;
  if (path !== undefined && isProgram(path)) return path;
  wrong(
    `${name}.interpreter`,
    value,
    path === undefined ? rules.interpreter : `a program (${path} is ${programRule(path)})`,
  );
  return undefined;
}

function readServerImage(name: string, value: unknown, wrong: Report): string | undefined {
  if (value === undefined || isReference(value)) return value;
  wrong(`${name}.server_image`, value, rules.reference);
  return undefined;
}

/** An image that was named for microVMs is a server's too, where it comes from a registry. */
function defaultServerImage(
  given: unknown,
  language: Language,
  image: ImageSource,
  former: Template | undefined,
): string {
  if (given !== undefined && image.kind === "registry") return image.reference;
  return former?.serverImage ?? `microsandbox/${language}`;
}

function readEnv(name: string, value: unknown, former: Template | undefined, wrong: Report): Template["env"] {
  if (value === undefined) return former?.env ?? {};
  if (!isTable(value)) {
    wrong(`${name}.env`, value, rules.env);
    return {};
  }
  const env: Record<string, string> = {};
  for (const [variable, text] of Object.entries(value)) {
    const isAllowed = /^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) && typeof text === "string" && !text.includes("\0");
    // The value is not shown: people put keys where they should not.
    if (isAllowed) env[variable] = text;
    else wrong(`${name}.env.${variable}`, typeof text === "string" ? "(not shown)" : text, `in ${rules.env}`);
  }
  return env;
}

function readPackages(
  name: string,
  value: unknown,
  { language, former, folder }: { language: CommonLanguage; former: Template | undefined; folder: string },
  wrong: Report,
): Packages | undefined {
  const key = `${name}.packages`;
  // Those of another language are none of this one's.
  if (value === undefined) return former?.language === language ? former.packages : undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    if (value.length === 0) return undefined;
    if (value.length > maxListed) wrong(key, `${value.length} packages`, `at most ${maxListed}, or a file`);
    const packages = packagesOfList(language, value);
    if (!("wrong" in packages)) return packages;
    wrong(key, packages.wrong, `in ${packageRules[language]}`);
    return undefined;
  }
  if (!isPath(value)) {
    wrong(key, value, packageRules[language]);
    return undefined;
  }
  const path = resolve(folder, value);
  const text = readText(path);
  if (text === undefined) {
    wrong(key, value, `a file of at most ${maxPackagesBytes} bytes that is there (${path})`);
    return undefined;
  }
  if (language === "python") {
    // The sandbox that installs them has this file alone.
    const elsewhere = /^\s*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.{0,2}\/).*/m.exec(text)?.[0];
    if (elsewhere !== undefined) wrong(key, elsewhere.trim(), "a line of a file that needs no other file or folder");
    return { kind: "requirements", text };
  }
  if (!isTable(parseJson(text))) {
    wrong(key, value, "a package.json: a JSON object");
    return undefined;
  }
  return { kind: "manifest", packageJson: text, lock: readText(join(dirname(path), "package-lock.json")) ?? null };
}

/** Undefined for what is not there, or too big. */
function readText(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true || found.size > maxPackagesBytes) return undefined;
  return readFileSync(path, "utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The grammar of references is laxer than this in nothing that a registry takes; what begins like a path is none. */
function isReference(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length <= 255 &&
    /^[a-z0-9][\w.-]*(?::\d+)?(?:\/[a-z0-9][a-z0-9._-]*)*(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[a-f0-9]{32,128})?$/i.test(
      value,
    )
  );
}

function isPath(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

/** What is in it is found out when it is used. */
export function isThere(path: string, kind: "file" | "folder"): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return (kind === "file" ? found?.isFile() : found?.isDirectory()) ?? false;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !(value instanceof Date);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s+/g, " ").slice(0, 120) : String(error);
}
