// The generated parts of the documents: which part of which page comes from which table of the program.

import { errorExample, errorsTable } from "./errors.ts";
import { installLinksMarkdown } from "./links.ts";
import { metricsTable } from "./metrics.ts";
import { commandsMarkdown, optionsMarkdown } from "./options.ts";
import { refusedCallsTable } from "./refused-calls.ts";
import { openCatalog, toolsMarkdown, toolsTable } from "./tools.ts";

export type Part = {
  /** From the project's folder. */
  readonly file: string;
  /** As in its two markers. */
  readonly name: string;
  /** Without a newline at its end. */
  readonly text: string;
};

export async function generatedParts(): Promise<readonly Part[]> {
  await using catalog = openCatalog();
  const { tools } = catalog;
  return [
    { file: "README.md", name: "tools", text: toolsTable(tools.list()) },
    { file: "README.md", name: "install-links", text: installLinksMarkdown() },
    { file: "docs/clients.md", name: "install-links", text: installLinksMarkdown() },
    { file: "docs/reference/errors.md", name: "error-example", text: await errorExample(tools) },
    { file: "docs/reference/errors.md", name: "errors", text: errorsTable() },
    { file: "docs/reference/metrics.md", name: "metrics", text: metricsTable() },
    { file: "docs/reference/options.md", name: "commands", text: commandsMarkdown() },
    { file: "docs/reference/options.md", name: "options", text: optionsMarkdown() },
    { file: "docs/security.md", name: "refused-calls", text: refusedCallsTable() },
    { file: "docs/reference/tools.md", name: "tools", text: toolsMarkdown(tools.list()) },
  ];
}
