// The documents lead somewhere: every link and anchor in them, and every flag, variable, command, metric and script that they name.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { commands } from "../../src/config/commands.ts";
import { type Option, options } from "../../src/config/options.ts";
import { type Metric, metricTable } from "../../src/watch/metrics-table.ts";
import { documents, root } from "./blocks.ts";

const files = [...(await documents()), "examples/README.md"];

const table = Object.values<Option<unknown>>(options);
const flags = new Set([
  ...table.flatMap(({ flag }) => (flag === undefined ? [] : [flag as string])),
  ...commands.flatMap(({ switches }) => switches.map(({ name }) => name as string)),
  ...["--help", "--version"],
]);
const variables = new Set<string>(table.map(({ variable }) => variable));
const metrics: readonly string[] = Object.values<Metric>(metricTable).map(({ name }) => name);

/** Variables that are not the server's: install.sh's, the clients' for their token, and of the runtime. */
const otherVariables = ["MCP_TOOL_TIMEOUT", "MSB_MCP_BASE_URL", "MSB_MCP_TOKEN", "MSB_PATH", "MSB_LIBKRUNFW_PATH"];

describe.each(files)("%s", (file) => {
  test("every relative link and anchor leads somewhere", async () => {
    const broken: string[] = [];
    for (const [, target = ""] of (await prose(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const destination = path === "" ? file : relative(root, join(root, dirname(file), path));
      if (!existsSync(join(root, destination))) broken.push(`${target}: there is no ${destination}`);
      else if (anchor !== undefined && !(await anchors(destination)).includes(anchor)) {
        broken.push(`${target}: ${destination} has no such heading`);
      }
    }
    expect(broken).toEqual([]);
  });

  test("every variable, command, metric and script that it names is there", async () => {
    const text = await read(file);
    const code = codeOf(text);
    const unknown = [
      ...named(
        code,
        /\b(?:MCP|MSB)_[A-Z][A-Z_]*[A-Z]\b/g,
        (name) => variables.has(name) || otherVariables.includes(name),
      ),
      ...named(code, /\bmsb_mcp_[a-z_]+[a-z]\b/g, (name) =>
        metrics.includes(name.replace(/_(?:bucket|sum|count)$/, "")),
      ),
      ...invocations(code)
        .flatMap((argv) => argv.match(/^[a-z]+(?= |$)/) ?? [])
        .filter((name) => !commands.some((entry) => entry.name === name)),
      ...named(code, /(?<![\w./~])(?:scripts|test|src|examples)\/[\w./-]*\w/g, (path) => existsSync(join(root, path))),
    ];
    expect(unknown).toEqual([]);
  });

  test("every flag that it gives to msb-mcp, or tells of, is there", async () => {
    const text = await read(file);
    const given = invocations(codeOf(text));
    // A page that tells of other programs, too, has their flags in its prose.
    const told = ownPages.includes(file) ? [...spans(text)].filter((span) => span.startsWith("--")) : [];
    const mentioned = [...given, ...told].flatMap((words) => words.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? []);
    expect([...new Set(mentioned)].filter((flag) => !flags.has(flag) && !otherFlags.includes(flag))).toEqual([]);
  });
});

/** Pages whose every flag in the prose is one of msb-mcp. */
const ownPages = files.filter((file) => !["docs/docker.md", "docs/service.md", "docs/clients.md"].includes(file));
/** Of scripts/build, scripts/release, scripts/test, the benchmark and Docker. */
const otherFlags = [
  "--no-embed",
  "--against",
  "--live",
  "--no-live",
  "--device",
  "--group-add",
  "--security-opt",
  "--user",
  "--targets",
  "--compression",
];

async function read(file: string): Promise<string> {
  return await Bun.file(join(root, file)).text();
}

/** Without what stands in fences and in backticks: there, brackets are no links. */
async function prose(file: string): Promise<string> {
  return (await read(file)).replace(/^( *)(```+|~~~+).*?^\1\2$/gms, "").replace(/`[^`\n]*`/g, "``");
}

/** What stands in fences and in backticks, a line each at least. */
function codeOf(text: string): string {
  const fenced = [...text.matchAll(/^( *)(```+|~~~+)[^\n]*\n(.*?)^\1\2$/gms)].map(([, , , inside = ""]) => inside);
  return [...fenced, ...spans(text)].join("\n");
}

function spans(text: string): readonly string[] {
  const outside = text.replace(/^( *)(```+|~~~+).*?^\1\2$/gms, "");
  return [...outside.matchAll(/`([^`\n]+)`/g)].map(([, inside = ""]) => inside);
}

/** What follows `msb-mcp` wherever it is started: by itself, or as a container's program. */
function invocations(code: string): readonly string[] {
  const starts = /(?:^|[;&|(]\s*|\b(?:exec|npx|docker exec \S+) |\$ )(?:\w+=\S+ )*msb-mcp +([^|;&#>)]*)/g;
  const contained = /^docker run .* msb-mcp(?::\w+)?(?: +([^|;&#>)]*).*)?$/g;
  return code
    .replaceAll("\\\n", " ")
    .split("\n")
    .flatMap((line) => [...line.matchAll(line.startsWith("docker run") ? contained : starts)])
    .map(([, argv = ""]) => argv.trim());
}

function named(code: string, pattern: RegExp, isThere: (name: string) => boolean): readonly string[] {
  const names = [...code.matchAll(pattern)].map(([whole, name]) => name ?? whole);
  return [...new Set(names)].filter((name) => !isThere(name));
}

/** As GitHub makes them of headings. */
async function anchors(file: string): Promise<readonly string[]> {
  const seen = new Map<string, number>();
  return [...(await read(file)).replace(/^```.*?^```$/gms, "").matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = ""]) => {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}
