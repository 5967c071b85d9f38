// Where the clients keep their configuration, for each operating system. Which file is whose is in clients.ts.

import { posix, win32 } from "node:path";

/** What of the machine decides where a file is. */
export type Machine = {
  /** As Node names it: linux, darwin, win32. */
  readonly platform: string;
  readonly homeDir: string;
  readonly cwd: string;
  readonly variable: (name: string) => string | undefined;
};

export function joined({ platform }: Machine, ...parts: readonly string[]): string {
  return (platform === "win32" ? win32 : posix).join(...parts);
}

/** The folder that a variable names, if it is an absolute path; else the given one. */
export function folderOf({ platform, variable }: Machine, name: string, otherwise: string): string {
  const given = variable(name);
  const { isAbsolute } = platform === "win32" ? win32 : posix;
  return given !== undefined && isAbsolute(given) ? given : otherwise;
}

export function home(machine: Machine, ...parts: readonly string[]): string {
  return joined(machine, machine.homeDir, ...parts);
}

/** XDG_CONFIG_HOME or ~/.config, on every system: programs that do so on macOS and Windows too. */
export function xdgConfig(machine: Machine, ...parts: readonly string[]): string {
  return joined(machine, folderOf(machine, "XDG_CONFIG_HOME", home(machine, ".config")), ...parts);
}

/** As Electron's `appData`: where desktop programs keep their settings. */
export function appData(machine: Machine, ...parts: readonly string[]): string {
  switch (machine.platform) {
    case "darwin":
      return home(machine, "Library", "Application Support", ...parts);
    case "win32":
      return roaming(machine, ...parts);
    default:
      return xdgConfig(machine, ...parts);
  }
}

export function roaming(machine: Machine, ...parts: readonly string[]): string {
  return joined(machine, folderOf(machine, "APPDATA", home(machine, "AppData", "Roaming")), ...parts);
}
