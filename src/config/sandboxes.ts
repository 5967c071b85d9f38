// The kinds of option values that say what sandboxes are: templates, sizes, whom they reach, what they may use. What each means
// is with the thing itself in src/sandbox.

import { resolve } from "node:path";
import { type Flavors, flavorRule, parseFlavors } from "../sandbox/flavors.ts";
import { type InterpreterPaths, interpreterRule, parseInterpreters } from "../sandbox/interpreter-paths.ts";
import { type NetworkPolicy, networkRule, parseNetwork } from "../sandbox/network.ts";
import { type OuterProxy, outerProxyRule, parseOuterProxy } from "../sandbox/outer-proxy.ts";
import type { PackageIndex, PackageIndexes } from "../sandbox/packages.ts";
import { parseSecrets, type Secret, secretRule } from "../sandbox/secrets.ts";
import { type CommonLanguage, commonLanguages, type Template } from "../sandbox/templates.ts";
import { isThere, readTemplates } from "../sandbox/templates-file.ts";
import { maskUrl } from "./addresses.ts";
import { itemsOf, type Kind, quote, single } from "./kinds.ts";

export const templatesFile: Kind<readonly Template[]> = {
  rule: "a TOML file with a table a template: language, image, env, interpreter, packages, server_image",
  placeholder: "FILE",
  repeatable: false,
  completions: "files",
  show: quote,
  read: ([path = ""], { cwd }) => {
    const { templates, problems } = readTemplates(resolve(cwd, path));
    return problems.length === 0 ? { ok: true, value: templates } : { ok: false, reasons: problems };
  },
};

/** Made absolute. What is in it is found out when it is used. */
export const archiveFile: Kind<string> = {
  ...single("a file that is there", "FILE", (text, { cwd }) => {
    const path = resolve(cwd, text);
    return isThere(path, "file") ? path : undefined;
  }),
  completions: "files",
};

export const flavorSizes: Kind<Flavors> = {
  rule: flavorRule,
  placeholder: "NAME=CPUS:MEMORY_MB",
  repeatable: true,
  show: quote,
  read: (texts) => {
    const { flavors, problems } = parseFlavors(texts.flatMap(itemsOf));
    return problems.length === 0 ? { ok: true, value: flavors } : { ok: false, reasons: problems };
  },
};

export const networkPolicy: Kind<NetworkPolicy> = {
  rule: networkRule,
  placeholder: "POLICY",
  repeatable: false,
  show: quote,
  read: ([text = ""]) => {
    const reading = parseNetwork(text);
    return "policy" in reading ? { ok: true, value: reading.policy } : { ok: false, reasons: reading.problems };
  },
};

export const outerProxy: Kind<OuterProxy> = {
  ...single(outerProxyRule, "URL", parseOuterProxy),
  show: maskUrl,
};

export const secretBindings: Kind<readonly Secret[]> = {
  rule: secretRule,
  placeholder: "NAME=VARIABLE@HOST",
  repeatable: true,
  // A value may have been given where its variable's name belongs.
  show: () => "(not shown)",
  read: (texts, { variable }) => {
    const { secrets, problems } = parseSecrets(texts.flatMap(itemsOf), variable);
    return problems.length === 0 ? { ok: true, value: secrets } : { ok: false, reasons: problems };
  },
};

export const interpreterPaths: Kind<InterpreterPaths> = {
  rule: interpreterRule,
  placeholder: "LANGUAGE=PATH",
  repeatable: true,
  show: quote,
  read: (texts, { cwd }) => {
    const { paths, problems } = parseInterpreters(texts.flatMap(itemsOf), cwd);
    return problems.length === 0 ? { ok: true, value: paths } : { ok: false, reasons: problems };
  },
};

const indexRule = `LANGUAGE=URL (one of ${commonLanguages.join(", ")}; an https:// or http:// URL without credentials), or python=FOLDER of wheels`;

export const packageIndexes: Kind<PackageIndexes> = {
  rule: indexRule,
  placeholder: "LANGUAGE=URL",
  repeatable: true,
  show: showIndex,
  read: (texts, { cwd }) => {
    const indexes: Partial<Record<CommonLanguage, PackageIndex>> = {};
    const reasons: string[] = [];
    for (const item of texts.flatMap(itemsOf)) {
      const equals = item.indexOf("=");
      const language = commonLanguages.find((name) => name === item.slice(0, equals));
      const index = language && indexOf(language, item.slice(equals + 1), cwd);
      if (language !== undefined && index !== undefined) indexes[language] = index;
      else reasons.push(`${showIndex(item)} is not allowed; it must be ${indexRule}`);
    }
    return reasons.length === 0 ? { ok: true, value: indexes } : { ok: false, reasons };
  },
};

/** Without credentials: sandboxes that build packages see it. */
function indexOf(language: CommonLanguage, text: string, cwd: string): PackageIndex | undefined {
  if (/^https?:\/\//i.test(text)) {
    if (!URL.canParse(text)) return undefined;
    const { username, password, href } = new URL(text);
    return username === "" && password === "" ? { kind: "url", url: href } : undefined;
  }
  const path = resolve(cwd, text);
  return language === "python" && text !== "" && isThere(path, "folder") ? { kind: "folder", path } : undefined;
}

function showIndex(text: string): string {
  return text.includes("@") ? "(not shown)" : quote(text);
}
