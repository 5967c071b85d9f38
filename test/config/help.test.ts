import { expect, test } from "bun:test";
import { optionsMarkdown } from "../../scripts/docs/options.ts";
import { helpText } from "../../src/config/help.ts";
import { type Option, options } from "../../src/config/options.ts";

const table = Object.values<Option<unknown>>(options);

test("--help names every flag, every variable and every default", () => {
  const help = helpText("1.2.3");
  for (const { flag, variable, fallbackShown } of table) {
    expect(help).toContain(variable);
    if (flag !== undefined) expect(help).toContain(`  ${flag}`);
    if (fallbackShown !== undefined) expect(help.replace(/\s+/g, " ")).toContain(`default: ${fallbackShown}`);
  }
});

test("--help keeps within 100 columns", () => {
  expect(
    helpText("1.2.3")
      .split("\n")
      .filter((line) => line.length > 100),
  ).toEqual([]);
});

test("the table of the reference has a row for every option, of as many cells as its head", () => {
  const rows = optionsMarkdown()
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| flag ") && !line.startsWith("| --- "));
  expect(rows).toHaveLength(table.length);
  expect(new Set(rows.map((row) => row.replaceAll("\\|", "").split("|").length))).toEqual(new Set([7]));
});

test("no flag and no variable stands for two options", () => {
  const names = table.flatMap(({ flag, variable }) => (flag === undefined ? [variable] : [flag, variable]));
  expect(new Set(names).size).toBe(names.length);
});

test("a secret has no default that --help would show", () => {
  const secrets = table.filter(({ kind }) => !kind.show("a-text").includes("a-text"));
  expect(secrets.map(({ variable }) => variable)).toEqual([
    "MCP_AUTH_TOKEN",
    "MCP_OPERATOR_TOKEN",
    "MCP_CLUSTER_SECRET",
    "MSB_API_KEY",
    "MSB_MCP_SECRETS",
  ]);
  expect(secrets.every(({ fallbackShown }) => fallbackShown === undefined)).toBe(true);
});
