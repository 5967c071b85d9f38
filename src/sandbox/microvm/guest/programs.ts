// The guest's side of the link, embedded in the executable. Plain shell, because an image has to have one anyway for commands.

import attach from "./attach.sh" with { type: "text" };
import command from "./command.sh" with { type: "text" };
import control from "./control.sh" with { type: "text" };
import feed from "./feed.sh" with { type: "text" };
import hold from "./hold.sh" with { type: "text" };
import resume from "./resume.sh" with { type: "text" };
import start from "./start.sh" with { type: "text" };
import tool from "./tool.sh" with { type: "text" };
import warden from "./warden.sh" with { type: "text" };

/** Each as the command line that runs it, to be followed by its arguments. */
export const guestPrograms = {
  attach: shell(attach),
  command: shell(command),
  control: shell(control),
  feed: shell(feed),
  hold: shell(hold),
  resume: shell(resume),
  start: shell(start),
  tool: shell(tool),
  warden: shell(warden),
} as const;

/** Where in the guest the pipes of interpreters are, each in a folder of its own. */
export const pipesFolder = "/run/msb-mcp";

/** Where commands have theirs, by their ids. */
export const commandsFolder = `${pipesFolder}/runs`;

/** Where in the guest its control groups are: of each command, by its id, and of the interpreter. */
export const groupsFolder = "/sys/fs/cgroup/msb-mcp";

function shell(source: string): readonly string[] {
  return ["/bin/sh", "-c", source, "sh"];
}

/** Of a text that is one in the guest; it may be as long as two arguments. */
export function halvesOf(text: string): readonly [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}
