// Free ports of this machine.

/** So many at once, so that none is given twice. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() }),
  );
  const ports = servers.map(({ port }) => port ?? 0);
  await Promise.all(servers.map((server) => server.stop(true)));
  return ports;
}
