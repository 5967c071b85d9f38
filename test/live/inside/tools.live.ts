// The compiled program with real microVMs, from outside: the tools, what survives the server, what guests do to themselves.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { forkBomb } from "../../programs/shell.ts";
import { machines } from "./host.ts";
import { patienceMs } from "./patience.ts";
import { run, type Started, sessionOf, start, stdoutOf } from "./server.ts";

const promise = (sentence: string, body: () => Promise<void>) => test(sentence, body, patienceMs);

let server: Started;
beforeAll(async () => {
  server = await start({ flags: ["--flavor", "small=1:256"] });
}, patienceMs);
afterAll(() => server[Symbol.asyncDispose](), patienceMs);

promise("the doctor says that microVMs are ready, and auto takes them", async () => {
  const { stdout, status } = await run(["doctor", "--json"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ready: true, backend: "microvm" });
});

promise("Python keeps its state, in a kernel that is not this machine's", async () => {
  const first = await server.call("execute_code", { code: "x = 42; print('Hello from MCP!')" });
  expect(stdoutOf(first)).toBe("Hello from MCP!\n");
  const session_id = sessionOf(first);
  expect(stdoutOf(await server.call("execute_code", { code: "x", session_id }))).toBe("42\n");
  const release = stdoutOf(await server.call("execute_command", { command: "uname -r", session_id }));
  expect(release).toMatch(/^\d+\.\d+/);
  expect(release.trim()).not.toBe((await Bun.$`uname -r`.text()).trim());
  expect(stdoutOf(await server.call("execute_command", { command: "ls /usr | grep bin | head -1", session_id }))).toBe(
    "bin\n",
  );
  const listed = await server.call("get_sessions", { session_id });
  expect(listed.result?.structuredContent).toMatchObject({ sessions: [{ session_id, status: "ready" }] });
  const stopped = await server.call("stop_session", { session_id });
  expect(stopped.result?.structuredContent).toMatchObject({ success: true });
  expect((await machines()).filter((name) => name.includes(session_id))).toEqual([]);
  const late = await server.call("execute_code", { code: "x", session_id });
  expect(late.error).toMatchObject({ code: -32602 });
  expect(late.error?.message).toContain("was stopped");
});

promise("Node keeps its state, and awaits at the top", async () => {
  const first = await server.call("execute_code", { template: "node", code: "let y = await Promise.resolve(20)" });
  const session_id = sessionOf(first);
  expect(stdoutOf(await server.call("execute_code", { code: "y * 2 + 2", session_id }))).toBe("42\n");
  await server.call("stop_session", { session_id });
});

promise("without a network, names, connections and raw sockets fail in the guest", async () => {
  const code = `
import socket, os
def attempt(name, do):
    try:
        do()
        print(name, "worked")
    except OSError as error:
        print(name, "failed")
attempt("name", lambda: socket.getaddrinfo("example.com", 80))
attempt("connection", lambda: socket.create_connection(("1.1.1.1", 53), 5))
attempt("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53)))
def raw():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind(("eth0", 0))
attempt("packet", raw)
print(sorted(n for _, n in socket.if_nameindex() if not n.startswith(("lo", "dummy"))))`;
  const ran = await server.call("execute_code", { code });
  expect(stdoutOf(ran)).toBe("name failed\nconnection failed\ndatagram failed\npacket failed\n[]\n");
  const command = "curl -s -m 300 http://example.com; echo $?";
  expect(stdoutOf(await server.call("execute_command", { command, session_id: sessionOf(ran) }))).toMatch(/^(6|7)\n$/);
  await server.call("stop_session", { session_id: sessionOf(ran) });
});

promise("a guest that uses up its memory, its disk or its processes is told so, and goes on or is lost", async () => {
  const session_id = sessionOf(await server.call("execute_code", { code: "kept = 'here'" }));
  const hog = await server.call("execute_command", { command: "tail /dev/zero", session_id });
  expect(hog.result?.structuredContent).toMatchObject({ ended: "out_of_memory", success: false });
  const full = await server.call("execute_command", {
    command: "dd if=/dev/zero of=/dev/shm/big bs=1M count=4096; rm /dev/shm/big",
    session_id,
  });
  expect(full.result?.structuredContent.stderr).toContain("No space left on device");
  expect(stdoutOf(await server.call("execute_code", { code: "kept", session_id }))).toBe("'here'\n");
  const bomb = await server.call("execute_command", {
    command: forkBomb,
    session_id,
    timeout: 5,
  });
  if (bomb.error === undefined) expect(bomb.result?.structuredContent).toMatchObject({ success: false });
  else expect((await server.call("execute_code", { code: "1", session_id })).error?.message).toContain("was lost");
  // Another one is none the worse for it.
  const other = await server.call("execute_code", { code: "6 * 7" });
  expect(stdoutOf(other)).toBe("42\n");
  await Promise.all([session_id, sessionOf(other)].map((id) => server.call("stop_session", { session_id: id })));
});
