// Ports of this machine: free ones, and whose a connection is.

import { readdir, readlink } from "node:fs/promises";

/** So many at once, so that none is given twice. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() }),
  );
  const ports = servers.map(({ port }) => port ?? 0);
  await Promise.all(servers.map((server) => server.stop(true)));
  return ports;
}

/** Whether the local end of a connection that comes from this port is one of these processes. */
export async function isOfOne(port: number, pids: readonly number[]): Promise<boolean> {
  const inode = inodeOf(await Bun.file("/proc/net/tcp").text(), port);
  if (inode === undefined) return false;
  const isOf = async (pid: number) => {
    const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => "")));
    return targets.includes(`socket:[${inode}]`);
  };
  return (await Promise.all(pids.map(isOf))).includes(true);
}

function inodeOf(table: string, port: number): string | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const fields = table.split("\n").map((line) => line.trim().split(/\s+/));
  return fields.find(([, from, , state]) => from?.endsWith(local) === true && state === "01")?.[9];
}
