// get_volume_path: the host's folders that sandboxes share.

import { Type } from "@sinclair/typebox";
import type { Volume } from "../../sandbox/volumes.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import { plainResult } from "./plain.ts";

export type GetVolumePathOptions = { readonly volumes: readonly Volume[]; readonly toolErrors: ToolErrors };

export function getVolumePath({ volumes, toolErrors }: GetVolumePathOptions): Tool {
  const mappings = volumes.map(({ hostPath, guestPath, readOnly }) => ({
    host_path: hostPath,
    container_path: guestPath,
    read_only: readOnly,
  }));
  // The folders stay what they are while the server runs.
  const result = plainResult({ volume_mappings: mappings });
  return defineTool(
    {
      name: "get_volume_path",
      title: "Get shared volumes",
      description: "Tells which folders of the host the sandboxes share, and where they are inside.",
      input: Type.Object({}, { additionalProperties: false }),
      annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
      call: () => result,
    },
    toolErrors,
  );
}
