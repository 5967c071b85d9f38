// The tools clients see, in order.

import type { Clock } from "../clock.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { PackagesOf } from "../sandbox/packages.ts";
import type { Template } from "../sandbox/templates.ts";
import type { Volume } from "../sandbox/volumes.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { installedPackages } from "./resources/packages.ts";
import { pages } from "./resources/pages.ts";
import { sandboxFiles } from "./resources/sandbox.ts";
import { resourceTable } from "./resources/table.ts";
import { type StructuredContent, structuredAs } from "./structured.ts";
import { ProtocolError, type ToolErrors } from "./tool.ts";
import type { ToolSet } from "./tool-set.ts";
import { controlExecution } from "./tools/control-execution.ts";
import { editFile } from "./tools/edit-file.ts";
import { executeCode } from "./tools/execute-code.ts";
import { executeCommand } from "./tools/execute-command.ts";
import { getExecution } from "./tools/get-execution.ts";
import { getSessions } from "./tools/get-sessions.ts";
import { getVolumePath } from "./tools/get-volume-path.ts";
import { listFiles } from "./tools/list-files.ts";
import type { Reach } from "./tools/reach.ts";
import { readFile } from "./tools/read-file.ts";
import { stopSession } from "./tools/stop-session.ts";
import { executionTasks } from "./tools/tasks.ts";
import { linksOf, type TransferWay, transferFile } from "./tools/transfer-file.ts";
import { writeFile } from "./tools/write-file.ts";

export type CatalogOptions = {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly templates: readonly Template[];
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  readonly volumes: readonly Volume[];
  readonly sessionTimeoutMs: number;
  /** Undefined where the backend decides it. */
  readonly reach?: Reach | undefined;
  readonly executionTimeoutMs: number;
  readonly maxExecutionTimeoutMs: number;
  readonly executionWaitMs: number;
  readonly maxOutputBytes: number;
  readonly transfers: TransferWay;
  /** Default: nothing is built. */
  readonly packagesOf?: PackagesOf;
  readonly toolErrors: ToolErrors;
  /** Default auto. */
  readonly structuredContent?: StructuredContent;
};

export function createCatalog(options: CatalogOptions): ToolSet {
  const files = { ...options, linkFor: linksOf(options.transfers) };
  const tools = [
    executeCode(options),
    executeCommand(options),
    getExecution(options),
    controlExecution(options),
    readFile(files),
    writeFile(files),
    editFile(files),
    listFiles(files),
    transferFile(options),
    getSessions(options),
    stopSession(options),
    getVolumePath(options),
  ];
  const { structuredContent = "auto" } = options;
  const byName = new Map(tools.map((tool) => [tool.wire.name, tool]));
  const wire = tools.map((tool) => tool.wire);
  return {
    tasks: executionTasks(options),
    resources: resourceTable([
      sandboxFiles(files),
      installedPackages(options.templates, options.packagesOf ?? (() => null)),
      pages(),
    ]),
    list: () => wire,
    call(name, args, context) {
      const tool = byName.get(name);
      if (tool !== undefined) {
        const answer = tool.call(args, context);
        if (!(answer instanceof Promise)) return structuredAs(answer, structuredContent);
        return answer.then((late) => structuredAs(late, structuredContent));
      }
      const shown = name.length <= 80 ? name : `${name.slice(0, 80)}…`;
      throw new ProtocolError(-32602, `Unknown tool: ${shown}. There are: ${[...byName.keys()].join(", ")}.`);
    },
  };
}
