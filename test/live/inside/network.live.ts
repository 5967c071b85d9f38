// What a policy lets through, and what a secret shows, with a server on the machine that runs the microVMs.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patienceMs } from "./patience.ts";
import { type Started, sessionOf, start, stdoutOf } from "./server.ts";

const promise = (sentence: string, body: () => Promise<void>) => test(sentence, body, patienceMs);

const value = "the-value-of-the-secret-4711";
const seen: string[] = [];
const allowed = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => {
    seen.push(request.headers.get("authorization") ?? "");
    return new Response("reached");
  },
});
const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("should not be reached") });
const name = "host.microsandbox.internal";

let server: Started;
beforeAll(async () => {
  server = await start({
    flags: [
      ...["--flavor", "small=1:256", "--network", `allow:${name}:${allowed.port}`],
      ...["--secret", `TOKEN=LIVE_SECRET@${name}`],
    ],
    env: { LIVE_SECRET: value },
  });
}, patienceMs);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all([allowed.stop(true), other.stop(true)]);
}, patienceMs);

promise("the allowed host is reached and nothing else is", async () => {
  const reach = (url: string, seconds: number) =>
    `curl -s -m ${seconds} -w ' %{http_code} ' ${url} && echo reached || echo refused`;
  const commands = [
    reach(`http://${name}:${allowed.port}/`, 300),
    reach(`http://${name}:${other.port}/`, 10),
    reach("http://10.0.2.2:80/", 10),
    reach("http://1.1.1.1/", 10),
    reach("http://example.com/", 10),
  ];
  const ran = await server.call("execute_command", { command: commands.join("\n") });
  const refused = " 000 refused\n";
  // All of the end, so that a run that ends in another way says how.
  expect(ran.result?.structuredContent).toMatchObject({
    ...{ ended: "exited", exit_code: 0, stderr: "" },
    stdout: `reached 200 reached\n${refused.repeat(4)}`,
  });
  await server.call("stop_session", { session_id: sessionOf(ran) });
});

promise("a secret reaches its host, and is nowhere in the guest, the log or an answer", async () => {
  const command = `curl -s -m 300 -H "Authorization: Bearer $TOKEN" http://${name}:${allowed.port}/`;
  const ran = await server.call("execute_command", { command });
  const session_id = sessionOf(ran);
  expect(stdoutOf(ran)).toBe("reached");
  expect(seen).toContain(`Bearer ${value}`);
  const search = `
needle = "the-value-of-" + "the-secret-" + "4711"
import glob, os
found = [key for key, text in os.environ.items() if needle in text]
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + ["/proc/cmdline", "/proc/kmsg"]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        data = os.read(fd, 1 << 20)
        if needle.encode() in data:
            found.append(path)
        os.close(fd)
    except OSError:
        pass
for folder in ("/etc", "/root", "/run", "/tmp", "/var/lib", "/.msb"):
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                path = os.path.join(place, name)
                if os.path.isfile(path) and needle.encode() in open(path, "rb").read(1 << 20):
                    found.append(path)
            except OSError:
                pass
print(found)`;
  expect(stdoutOf(await server.call("execute_code", { code: search, session_id }))).toBe("[]\n");
  const shown = await server.call("execute_command", { command: "env; export", session_id });
  expect(JSON.stringify(shown)).not.toContain(value);
  expect(server.log()).not.toContain(value);
  await server.call("stop_session", { session_id });
});
