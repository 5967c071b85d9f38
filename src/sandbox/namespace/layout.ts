// What a guest sees of a file system, and what it is: the arguments of bubblewrap. Everything is read-only but /tmp, the home,
// /dev/shm and the volumes that are shared for writing; nothing of the host's homes, /etc secrets, /var, /run or /sys is there.

import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Resources } from "../flavors.ts";
import type { Volume } from "../volumes.ts";
import { homeBytes, sharedMemoryBytes, tmpBytes } from "./sizes.ts";

export const guestHome = "/home/user";
export const guestUser = "user";
export const guestUid = 1000;
/** Where the runner's programs are. */
export const guestPrograms = "/run/msb";

/** Of the host's /etc: what is copied, as files that hardly cost anything, and what is mounted or linked, as arguments. */
export type HostEtc = { readonly files: readonly string[]; readonly places: readonly string[] };

/** A file whose content a guest gets under `path`, from a descriptor that bubblewrap inherits. */
export type DataFile = { readonly path: string; readonly descriptor: number };

export type Layout = {
  readonly resources: Resources;
  readonly volumes: readonly Volume[];
  /** Of an interpreter that is not in the system's folders. */
  readonly places: readonly Place[];
  readonly dataFiles: readonly DataFile[];
  readonly etc: HostEtc;
  /** The filter of system calls, as a descriptor that bubblewrap inherits: for the sandbox's init and its holder. */
  readonly filter: number;
};

/** A file or folder of this machine that a guest sees at the same path, read-only; or a link there, as it is on this machine. */
export type Place = { readonly path: string; readonly link?: string };

/** Small files that programs expect in /etc, without a trace of the host's users. */
export const syntheticEtc: Readonly<Record<string, string>> = {
  passwd: `${guestUser}:x:${guestUid}:${guestUid}:${guestUser}:${guestHome}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n`,
  group: `${guestUser}:x:${guestUid}:\nnogroup:x:65534:\n`,
  hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
  hostname: "sandbox\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

/** Of the host's /etc: what the dynamic linker, Debian's alternatives, TLS libraries and clocks read. No secrets live there. */
const etcNames = [
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "ld-musl-x86_64.path",
  "ld-musl-aarch64.path",
  "alternatives",
  "ssl/certs",
  "ssl/openssl.cnf",
  "ca-certificates",
  "pki/tls/certs",
  "pki/ca-trust/extracted",
  "localtime",
  "mime.types",
  "protocols",
  "services",
  "os-release",
  "terminfo",
  "fonts",
];

/** Of Debian's Java, which does not compile without: no passwords, as its management/ may have. */
const javaSettings = ["security", "net.properties", "logging.properties"];

const systemFolders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** A file that is bigger is mounted. Bytes; what is copied counts as the sandbox's memory. */
const copiedBytes = 256 * 1024;

/** Looked at anew for each sandbox: packages may have been installed. */
export function hostEtc(): HostEtc {
  const files: string[] = [];
  const places: string[] = [];
  for (const path of [...etcNames, ...javaNames()].map((name) => `/etc/${name}`)) {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry?.isFile() && entry.size <= copiedBytes) files.push(path);
    else if (entry?.isSymbolicLink() && leadsToUsr(path)) places.push("--symlink", readlinkSync(path), path);
    else if (entry !== undefined) places.push("--ro-bind-try", path, path);
  }
  return { files, places };
}

/** All of /usr is there. */
function leadsToUsr(path: string): boolean {
  return resolve(dirname(path), readlinkSync(path)).startsWith("/usr/");
}

export function bwrapArguments({ resources, volumes, places, dataFiles, etc, filter }: Layout): readonly string[] {
  return [
    ...["--unshare-all", "--unshare-user", "--disable-userns"],
    ...["--uid", `${guestUid}`, "--gid", `${guestUid}`, "--hostname", "sandbox"],
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--seccomp", `${filter}`],
    ...["--ro-bind", "/usr", "/usr", ...systemFolders.flatMap(mirrored)],
    ...["--perms", "0755", "--dir", "/etc", "--perms", "0755", "--dir", "/etc/ssl", ...etc.places],
    ...["--proc", "/proc", "--dev", "/dev", ...sized("/dev/shm", "1777", sharedMemoryBytes(resources))],
    ...sized("/tmp", "1777", tmpBytes(resources)),
    ...["--perms", "0755", "--dir", "/home", ...sized(guestHome, "0755", homeBytes(resources))],
    ...["--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/run"],
    ...dataFiles.flatMap(dataFile),
    ...places.flatMap(placed),
    ...volumes.flatMap((volume) => [volume.readOnly ? "--ro-bind" : "--bind", volume.hostPath, volume.guestPath]),
    // bubblewrap's own root and /dev are writable, and without a size, until told otherwise.
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", guestHome],
  ];
}

/** /bin and the like are links into /usr on most systems, folders on others. */
function mirrored(path: string): readonly string[] {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return [];
  return entry.isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path];
}

function placed({ path, link }: Place): readonly string[] {
  return link === undefined ? ["--ro-bind", path, path] : ["--symlink", link, path];
}

function javaNames(): readonly string[] {
  const folders = readdirSync("/etc").filter((name) => /^java-\d+-openjdk$/.test(name));
  return folders.flatMap((folder) => javaSettings.map((name) => `${folder}/${name}`));
}

function sized(path: string, mode: string, bytes: number): readonly string[] {
  return ["--perms", mode, "--size", `${bytes}`, "--tmpfs", path];
}

/** A file of bubblewrap's root, which becomes read-only: a mount for each would take much of a sandbox's start. */
function dataFile({ path, descriptor }: DataFile): readonly string[] {
  const folder = dirname(path);
  return ["--perms", "0755", "--dir", folder, "--perms", "0444", "--file", `${descriptor}`, path];
}
