// Which msb-mcp is this? scripts/build.ts puts the commit in; run from source, there is none.

import { version as packageVersion } from "../../package.json" with { type: "json" };

declare const BUILD_COMMIT: string | undefined;

export const version: string = packageVersion;

/** Short hash, with "+dirty" if the tree had changes of its own; "unknown" when built without git; "source" when not built. */
export const commit: string = typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "source";
