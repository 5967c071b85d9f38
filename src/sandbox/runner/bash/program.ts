// The bash runner's modules, embedded in the executable, and the command line that starts its two processes.

import changes from "./changes.sh" with { type: "text" };
import ending from "./ending.sh" with { type: "text" };
import input from "./input.sh" with { type: "text" };
import listener from "./listener.sh" with { type: "text" };
import main from "./main.sh" with { type: "text" };
import requests from "./requests.sh" with { type: "text" };
import state from "./state.sh" with { type: "text" };
import traps from "./traps.sh" with { type: "text" };

/** They only define, so their order means nothing. */
export function bashProgram(): string {
  return [changes, listener, requests, input, ending, traps, state, main].join("\n");
}

/** The runner is the process that is started; the listener is its child, and the pipe between them its stdin. */
export function bashArgv(interpreter: string, program: string): readonly string[] {
  const listen = `"$0" $2 -c '. "$1"; __msb_listen "$2"' bash "$1" "$$" 2>/dev/null`;
  const run = `exec -a bash "$0" $2 -c '. "$1"; builtin eval "$__msb_main"' bash "$1"`;
  const old = `echo "bash $BASH_VERSION is too old: 4.4 or later is required" >&2; exit 1`;
  const check = `((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || { ${old}; }`;
  const plain = "--norc --noprofile";
  return [
    interpreter,
    ...plain.split(" "),
    "-O",
    "lastpipe",
    "-c",
    `${check}; ${listen} | ${run}`,
    interpreter,
    program,
    plain,
  ];
}
