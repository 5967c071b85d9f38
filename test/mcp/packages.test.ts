// What clients are told of the packages of templates: the main ones with the tools, all with versions as a resource.

import { expect, test } from "bun:test";
import { installedPackages } from "../../src/mcp/resources/packages.ts";
import type { CallContext } from "../../src/mcp/tool-set.ts";
import { runArguments } from "../../src/mcp/tools/schemas.ts";
import { dataTemplate } from "../../src/sandbox/data-template.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates, type Template } from "../../src/sandbox/templates.ts";

// Not looked at: packages are the same for every caller.
const context = {} as CallContext;

function told(templates: readonly Template[]): string {
  const times = { executionTimeoutMs: 1000, maxExecutionTimeoutMs: 1000, executionWaitMs: 1000 };
  const { template } = runArguments({ ...times, templates, flavors: defaultFlavors, defaultFlavor: "small" });
  return template.description ?? "";
}

test("the tools tell the main packages of a template, in few words however many templates there are", () => {
  expect(told(defaultTemplates)).toBe("What a new sandbox has installed. Default: python.");
  expect(told([...defaultTemplates, dataTemplate])).toBe(
    "What a new sandbox has installed. Default: python. data: numpy, pandas, matplotlib, scipy, scikit-learn, pillow, openpyxl, pyarrow ….",
  );
  const many = Array.from({ length: 30 }, (_, at) => ({ ...dataTemplate, name: `data-${at}` }));
  expect(told(many).length).toBeLessThan(300);
});

test("a resource lists all packages with their versions, or before they are built those that were asked for", () => {
  const templates = [...defaultTemplates, dataTemplate];
  const built = installedPackages(templates, () => ({
    interpreter: "Python 3.13.1",
    packages: [{ name: "numpy", version: "2.2.6" }],
  }));
  const uri = "sandbox-packages://data";
  expect(built.resources.map((resource) => resource.uri)).toEqual([uri]);
  expect(built.read(uri, context)).toEqual({
    contents: [{ uri, mimeType: "text/plain", text: "# Python 3.13.1\nnumpy 2.2.6\n" }],
  });
  expect(built.read("sandbox-packages://python", context)).toBeUndefined();
  const unbuilt = installedPackages(templates, () => null).read(uri, context);
  expect(JSON.stringify(unbuilt)).toContain("# Not installed yet");
  expect(JSON.stringify(unbuilt)).toContain("\\nscikit-learn\\n");
});
