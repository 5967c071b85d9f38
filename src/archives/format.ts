// The forms in which a folder travels as one file, and how each is called.

export const archiveFormats = ["tar.gz", "zip"] as const;

export type ArchiveFormat = (typeof archiveFormats)[number];

export const archiveTypes: Readonly<Record<ArchiveFormat, string>> = {
  "tar.gz": "application/gzip",
  zip: "application/zip",
};

export function archiveFormatOf(text: string): ArchiveFormat | undefined {
  return archiveFormats.find((format) => format === text);
}
