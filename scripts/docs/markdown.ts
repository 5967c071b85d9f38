// Tables in Markdown.

/** Without a newline at its end. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  return [head, head.map(() => "---"), ...escaped].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
