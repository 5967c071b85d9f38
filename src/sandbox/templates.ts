// What runs in a sandbox: an image, the language its interpreter speaks, and packages.

export type Language = "python" | "node" | "bash";

export const languages: readonly Language[] = ["python", "node", "bash"];

/** Those that have packages, and whose interpreters also work on a sandbox's files. */
export type CommonLanguage = Exclude<Language, "bash">;

export const commonLanguages: readonly CommonLanguage[] = ["python", "node"];

/** Where the files of a sandbox come from, for hosts that boot images. Paths are absolute. */
export type ImageSource =
  /** An OCI image, pulled from its registry unless it is in the runtime's cache: `python:3.13-slim`. */
  | { readonly kind: "registry"; readonly reference: string }
  /** A folder that is the root of a Linux system. */
  | { readonly kind: "folder"; readonly path: string }
  /** One image of an archive as `docker save` writes it, loaded on first use. */
  | { readonly kind: "archive"; readonly path: string; readonly reference: string };

/** What a template has installed beside its language. */
export type Packages =
  /** For pip, in its requirements format. */
  | { readonly kind: "requirements"; readonly text: string }
  /** For npm. Without a lock, npm decides what its ranges mean when the packages are built. */
  | { readonly kind: "manifest"; readonly packageJson: string; readonly lock: string | null };

export type Template = {
  readonly name: string;
  readonly language: Language;
  /** For hosts that boot images themselves; hosts without images ignore it. */
  readonly image: ImageSource;
  /** The image as a microsandbox server of 0.2 knows it; only the server backend uses it. */
  readonly serverImage: string;
  /** Environment of every program in the sandbox. */
  readonly env: Readonly<Record<string, string>>;
  /** The absolute path of its interpreter on this machine, for hosts without images; others ignore it. */
  readonly interpreter?: string | undefined;
  /** What is there beside what the image has; undefined for nothing. Built by layers/. */
  readonly packages?: Packages | undefined;
};

/** The images are Docker's official ones; the tags follow security updates of one minor version. */
export const defaultTemplates: readonly Template[] = [
  {
    name: "python",
    language: "python",
    image: { kind: "registry", reference: "python:3.13-slim" },
    serverImage: "microsandbox/python",
    env: {},
  },
  {
    name: "node",
    language: "node",
    image: { kind: "registry", reference: "node:24-slim" },
    serverImage: "microsandbox/node",
    env: {},
  },
  {
    name: "bash",
    language: "bash",
    image: { kind: "registry", reference: "python:3.13-slim" },
    serverImage: "microsandbox/python",
    env: {},
  },
];

/** The language of a template with packages. Throws for one that has none: the templates file takes none there. */
export function commonLanguage(language: Language): CommonLanguage {
  if (language !== "bash") return language;
  throw new Error("templates of the language bash have no packages");
}

export function isCommon(template: Template): template is Template & { readonly language: CommonLanguage } {
  return template.language !== "bash";
}

/** The name of the template of a new session whose caller names none (CONTRACT.md section 5): python, where that is offered. */
export function defaultTemplate(offered: readonly Template[]): string {
  const name = "python";
  return offered.some((template) => template.name === name) ? name : (offered[0]?.name ?? name);
}

/** The image as people know it. Folders and archives by their last name only: where they are is the operator's business. */
export function imageName(image: ImageSource): string {
  return image.kind === "folder" ? `folder ${image.path.split("/").at(-1)}` : image.reference;
}
