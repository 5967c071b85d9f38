// What an archive may be, going out and coming in: a sandbox and its caller share this server with others.

/** Files, folders and links in one archive. */
export const maxEntries = 100_000;
/** Folders in each other; as deep as `Files.walk` goes. */
export const maxDepth = 32;
/** Of the names and targets of all links in one. */
export const maxLinksLength = 8 * 1024 * 1024;
/** Once more than `ratioFromBytes` have been unpacked: bytes unpacked for each byte that came. */
export const maxRatio = 200;
export const ratioFromBytes = 64 * 1024 * 1024;
/** Of what is left out, so many are told by name. */
export const maxToldNames = 100;
