// Clears away what a session has left in its place, so that its name can be used again: the server keeps a name's files for ever and
// shows them to the next sandbox of that name (hazard e). Whoever had them was root, so nothing in them can be trusted, and no sandbox
// that shows them can clear them: another one, which never runs anything of anybody's, has them mounted as folders.

import type { Clock } from "../../clock.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";
import { inquire } from "./inquiry.ts";

export type ClearingOptions = {
  readonly client: Client;
  readonly clock: Clock;
  /** The name whose files are to go. It must have ended. */
  readonly target: Address;
  /** The name of the sandbox that does it. */
  readonly cleaner: Address;
  readonly image: string;
  /** Starts a sandbox, in its turn. */
  readonly start: (address: Address, config: object, signal: AbortSignal) => Promise<void>;
  /** Ends it for good. */
  readonly end: (address: Address) => Promise<void>;
  readonly signal: AbortSignal;
};

/** For the whole of it, once it has started. Milliseconds. */
const limitMs = 120_000;
const commandS = 60;
const memoryMib = 512;

/** Where the folders are in the sandbox, and where they are from its namespace's folder on the server's machine. */
const folders = (target: string, cleaner: string) => [
  { guest: "/msb-clear/rw", host: `.menv/rw/Sandboxfile/${target}` },
  { guest: "/msb-clear/patch", host: `.menv/patch/Sandboxfile/${target}` },
  // The server adds a line a volume to this at each start.
  { guest: "/msb-clear/own", host: `.menv/patch/Sandboxfile/${cleaner}` },
];

/**
 * Each folder must be the one that was asked for and not an empty place for it; and be empty in the end. Its exit status is all that is sure to
 * come back from the portal.
 */
const script = `
number=0
for folder in rw patch own; do
  path=/msb-clear/$folder
  grep -q " $path " /proc/mounts || mount -t virtiofs virtiofs_$number $path || exit 3
  number=$((number + 1))
done
for path in /msb-clear/rw /msb-clear/patch; do
  rm -rf -- $path/* $path/.[!.]* $path/..?*
  [ -z "$(ls -A $path)" ] || { chmod -R u+rwx $path; rm -rf -- $path/* $path/.[!.]* $path/..?*; }
  [ -z "$(ls -A $path)" ] || exit 4
done
rm -f /msb-clear/own/etc/fstab
exit 0
`;

/** False if it cannot be done, or may not have been done. Rejects with the signal's reason only. */
export async function clearPlace(options: ClearingOptions): Promise<boolean> {
  const { client, target, cleaner, image, start, end, signal } = options;
  const volumes = folders(target.sandbox, cleaner.sandbox).map(({ host, guest }) => `${host}:${guest}`);
  try {
    // One that an earlier process has left would be started twice (hazard c).
    if ((await inquire(client, cleaner, signal)) !== "ended") await end(cleaner);
    await start(cleaner, { image, memory: memoryMib, cpus: 1, volumes }, signal);
    return await run(options);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return false;
  } finally {
    await end(cleaner);
  }
}

/** Repeated until the portal answers: it clears the same folders each time. */
async function run({ client, clock, cleaner, signal }: ClearingOptions): Promise<boolean> {
  const untilMs = clock.monotonicMs() + limitMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
    try {
      const call = { deadlineMs: (commandS + 5) * 1000, signal };
      return (await client.command(cleaner, ["sh", "-c", script], commandS, call)) === 0;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (clock.monotonicMs() + pauseMs > untilMs || (await inquire(client, cleaner, signal)) === "ended") throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
}
