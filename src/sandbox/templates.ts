// What runs in a sandbox: an image and the language its interpreter speaks.

export type Language = "python" | "node";

export type Template = {
  readonly name: string;
  readonly language: Language;
  /** An image reference, for hosts that boot images; hosts without images ignore it. */
  readonly image: string;
  /** Environment of every program in the sandbox. */
  readonly env: Readonly<Record<string, string>>;
};

export const defaultTemplates: readonly Template[] = [
  { name: "python", language: "python", image: "microsandbox/python", env: {} },
  { name: "node", language: "node", image: "microsandbox/node", env: {} },
];
