// The bash runner's modules, embedded in the executable, and the command line that starts its two processes.

import changes from "./changes.sh" with { type: "text" };
import ending from "./ending.sh" with { type: "text" };
import input from "./input.sh" with { type: "text" };
import listener from "./listener.sh" with { type: "text" };
import main from "./main.sh" with { type: "text" };
import posixListener from "./posix/listener.sh" with { type: "text" };
import posixRunner from "./posix/runner.sh" with { type: "text" };
import requests from "./requests.sh" with { type: "text" };
import state from "./state.sh" with { type: "text" };
import traps from "./traps.sh" with { type: "text" };

/** They only define, so their order means nothing. A shell that is not bash reads its own part alone: the rest would be no program to it. */
export function bashProgram(): string {
  const end = "__msb_end_of_posix";
  // As a text, which a bash passes over sooner than it would read it as a program.
  const part = `eval "$(cat <<'${end}'\n${posixListener}\n${posixRunner}\n${end}\n)"`;
  const posix = `if [ -n "\${__msb_posix-}" ]; then\n${part}\nreturn 0\nfi`;
  return [posix, changes, listener, requests, input, ending, traps, state, main].join("\n");
}

/** In place of a shell's name: the bash of a guest, or its sh where there is none. */
export const anyShell = "sh";

/** The command line of a shell by name or path: a bash, any other, or `anyShell`. */
export function shellArgv(shell: string, program: string): readonly string[] {
  if (shell === anyShell) {
    const bash = bashArgv("bash", program);
    // A bash passes over the words behind its own.
    const either = `words=$1; shift; command -v bash >/dev/null || shift "$words"; exec "$@"`;
    return ["/bin/sh", "-c", either, "sh", `${bash.length}`, ...bash, ...posixArgv("/bin/sh", program)];
  }
  return shell.split("/").at(-1) === "bash" ? bashArgv(shell, program) : posixArgv(shell, program);
}

function posixArgv(shell: string, program: string): readonly string[] {
  const run = `__msb_posix=1; . "$1"; __msb_begin "$1" "$2"; shift 2; eval "$__msb_serve"`;
  return [shell, "-c", run, "sh", program, shell];
}

/** The runner is the process that is started; the listener is its child, and the pipe between them its stdin. */
function bashArgv(interpreter: string, program: string): readonly string[] {
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
