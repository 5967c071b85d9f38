export function nodeFileAgent(): string {
  return "";
}
