// Both images, built and run by the commands of docs/docker.md on a Docker daemon of the tests' own.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fencedBlock, root } from "../docs/blocks.ts";
import { Stub } from "../stub-microsandbox/stub.ts";
import { services } from "./compose.ts";
import { call, eventually, freePort, listening } from "./containers.ts";
import { Docker, whyNoDaemon } from "./daemon.ts";
import { fillContext, importBase } from "./images.ts";

setDefaultTimeout(300_000);

const reason = await whyNoDaemon();
if (reason !== undefined) console.log(`SKIPPED: the images of Docker are not tested here: ${reason}`);

const guide = (name: string) => fencedBlock("docs/docker.md", name);
const permissions = "--security-opt seccomp=deploy/docker/seccomp.json --security-opt systempaths=unconfined";

describe.skipIf(reason !== undefined)("Docker", () => {
  const stack = new AsyncDisposableStack();
  let docker: Docker;
  let context: string;

  /** Like a reader of the guide, who is in the clone. `port` is for 8000, which may be in use. */
  const type = (text: string, port: number, env: Readonly<Record<string, string>> = {}) =>
    docker.out(text.replaceAll(/\b8000(?=:8000|\/mcp)/g, `${port}`), env, context);
  const removeAll = async () => void (await type(await guide("docker-remove"), 0));

  beforeAll(async () => {
    docker = stack.use(await Docker.start());
    context = await mkdtemp(join(tmpdir(), "msb-mcp-context-"));
    stack.defer(() => rm(context, { recursive: true, force: true }));
    await Promise.all([fillContext(docker, context), importBase(docker)]);
    await type(await guide("docker-build-binary"), 0);
  });

  afterAll(() => stack.disposeAsync());

  test("both images are built, run as an ordinary user, say who they are, and are small", async () => {
    for (const [image, limitMb] of [
      ["msb-mcp", 190],
      ["msb-mcp:full", 450],
    ] as const) {
      const [{ Size, Config }] = JSON.parse(await docker.out(`docker image inspect ${image}`));
      console.log(`${image}: ${Math.round(Size / 1e6)} MB`);
      expect(Size).toBeLessThan(limitMb * 1e6);
      expect(Config.User).toBe("65532:65532");
      expect(Config.Healthcheck.Test).toEqual(["CMD", "/usr/bin/msb-mcp", "health"]);
      expect(Config.Volumes).toEqual({ "/var/lib/msb-mcp": {} });
      expect(Config.ExposedPorts).toEqual({ "8000/tcp": {} });
      expect(Config.Labels["org.opencontainers.image.licenses"]).toBe("MIT");
      expect(Config.Labels["io.modelcontextprotocol.server.name"]).toEndWith("/msb-mcp");
    }
  });

  test("the minimal image has one program, and scanners know its packages", async () => {
    const files = await docker.out(
      "id=$(docker create msb-mcp) && docker export $id | tar --list && docker rm --volumes $id >/dev/null",
    );
    const paths = files.split("\n");
    expect(paths.filter((path) => /^(?:usr\/)?s?bin\/./.test(path))).toEqual(["usr/bin/msb-mcp"]);
    expect(paths.filter((path) => path.startsWith("var/lib/dpkg/status.d/")).length).toBeGreaterThan(3);
    expect(paths).toContain("etc/ssl/certs/ca-certificates.crt");
  });

  test("the runtime of microVMs is unpacked and runs in the minimal image, its root read-only", async () => {
    const run = "docker run --rm --read-only --volume runtime:/var/lib/msb-mcp";
    const { stdout } = await docker.sh(`${run} msb-mcp doctor`);
    const folder = /^ok +microVM runtime: microsandbox \S+ in (\S+)$/m.exec(stdout)?.[1];
    expect(folder).toStartWith("/var/lib/msb-mcp/");
    expect(await docker.out(`${run} --entrypoint ${folder}/bin/msb msb-mcp --version`)).toMatch(/\d+\.\d+/);
  });

  test("without the permissions, or with one of them, the container ends at once with status 2 and names them", async () => {
    const [seccomp = "", paths = ""] = permissions.split(/ (?=--)/);
    for (const [flags, named] of [
      ["", paths],
      [seccomp, paths],
      [paths, "seccomp=seccomp.json"],
      ["--cap-add SYS_ADMIN", paths],
      [`--user 0 ${permissions}`, "--user 65532"],
    ] as const) {
      const { status, stdout, stderr } = await docker.sh(`docker run --rm ${flags} msb-mcp:full`, {}, context);
      expect(stderr).toContain("msb-mcp: Configuration error: This container does not let bubblewrap make a sandbox.");
      expect(stderr).toContain(named);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    }
  });

  test("with them, the guide's call is answered by an ordinary user's server, and memory is limited", async () => {
    const port = freePort();
    await type(await guide("docker-run-full"), port);
    await listening(docker, "msb-mcp");
    const answer = JSON.parse(
      await type((await guide("docker-call")).replace("localhost:8000", `localhost:${port}`), port),
    );
    expect(answer.result.structuredContent).toMatchObject({ success: true, stdout: "Hello from MCP!\n" });

    const token = (await docker.out("docker exec msb-mcp msb-mcp token")).trim();
    const readme = (await fencedBlock("README.md", "readme-docker-call")).replace(
      "localhost:8000",
      `localhost:${port}`,
    );
    expect(JSON.parse(await docker.out(readme)).result.content[0].text).toBe("Hello from MCP!\n");

    const log = await docker.out("docker logs msb-mcp 2>&1");
    expect(log).not.toContain(token);
    const limits = log.split("\n").find((line) => line.includes('"server.limits"')) ?? "";
    expect(limits).toMatch(/memory by cgroup|memory (?:and processes )?may exceed/);
    const eaten = await call({ port, token }, "execute_code", { code: "a = bytearray(3 * 10**9)" });
    expect(eaten.result?.structuredContent).toMatchObject({ success: false, ended: "out_of_memory" });

    const inside = await docker.out("docker exec msb-mcp grep -E '^(Uid|CapBnd|NoNewPrivs|Seccomp):' /proc/1/status");
    expect(inside).toMatch(/^Uid:\s+65532\s+65532/m);
    expect(inside).toMatch(/^CapBnd:\s+0+$/m);
    expect(inside).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(inside).toMatch(/^Seccomp:\s+2$/m);

    // Code in a sandbox may not do what the permissions are for.
    const nested = await call({ port, token }, "execute_command", { command: "unshare --user --map-root-user true" });
    expect(nested.result?.structuredContent).toMatchObject({ success: false });
    const secrets = await call({ port, token }, "execute_command", {
      command:
        "cat /proc/1/environ /var/lib/msb-mcp/state/auth-token; echo 1 >/proc/sysrq-trigger; echo 1 >/proc/sys/kernel/panic",
    });
    expect(JSON.stringify(secrets)).not.toContain("MCP_SANDBOX_BACKEND");
    expect(JSON.stringify(secrets)).not.toContain(token);
    expect(secrets.result?.structuredContent).toMatchObject({ success: false });
  });

  test("a stopped session leaves no process and no zombie to the container's only init, the server", async () => {
    const { port, token } = await running();
    const opened = await call({ port, token }, "execute_command", {
      command: "sleep 100 & (setsid sleep 100 &) ; echo on",
    });
    const server = (await docker.out("docker inspect --format '{{.State.Pid}}' msb-mcp")).trim();
    expect(await processesOf(server)).not.toEqual([]);
    for (const { session_id } of await sessionsOf({ port, token })) {
      await call({ port, token }, "stop_session", { session_id });
    }
    expect(opened.error).toBeUndefined();
    expect(await processesOf(server)).toEqual([]);
  });

  test("a restarted container keeps its token, and tells its sessions lost", async () => {
    const { port, token } = await running();
    const opened = await call({ port, token }, "execute_code", { code: "x = 42" });
    const session_id = opened.result?.session_id ?? "";
    await type(await guide("docker-restart"), port);
    await listening(docker, "msb-mcp");
    expect((await docker.out("docker exec msb-mcp msb-mcp token")).trim()).toBe(token);
    const after = await call({ port, token }, "execute_code", { code: "x", session_id });
    expect(after.error?.message).toStartWith(`Session not found: ${session_id}`);
    expect(after.error?.message).toMatch(/lost|restart|shut/);
  });

  test("SIGTERM ends the container within its time, with status 0, though a call runs that does not end", async () => {
    const { port, token } = await running();
    const endless = call({ port, token }, "execute_command", {
      command: "trap '' TERM INT; while :; do sleep 1; done",
    }).catch(() => undefined);
    await eventually("it runs", async () =>
      (await sessionsOf({ port, token })).some(({ status }) => status === "busy"),
    );
    await docker.out("docker stop msb-mcp");
    await endless;
    expect(await docker.out("docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' msb-mcp")).toBe(
      "0 false\n",
    );
    await removeAll();
  });

  test("the minimal image serves sandboxes of a microsandbox server, and becomes healthy", async () => {
    const port = freePort();
    await using server = await Stub.start({ host: docker.hostAddress });
    const text = (await guide("docker-run-server"))
      .replace(":5555", new URL(server.url).host.replace(/^.*(?=:)/, ""))
      .replace("--detach", "--detach --health-interval 1s");
    await type(text, port, { MSB_API_KEY: await server.apiKey() });
    await listening(docker, "msb-mcp");
    const token = (await docker.out("docker exec msb-mcp msb-mcp token")).trim();
    const answer = await call({ port, token }, "execute_code", { code: "print(6 * 7)" });
    expect(answer.result?.structuredContent).toMatchObject({ success: true, stdout: "42\n" });
    const health = await guide("docker-health");
    await eventually("Docker calls it healthy", async () => (await docker.out(health)) === "healthy\n");
    await docker.out("docker stop msb-mcp");
    await removeAll();
  });

  test.skipIf(!existsSync("/dev/kvm"))(
    "with KVM's device, the minimal image serves, or ends and says what is missing",
    async () => {
      await type(await guide("docker-run-microvm"), freePort());
      const ended = listening(docker, "msb-mcp").then(
        () => "it serves",
        (error: unknown) => String(error),
      );
      expect(await ended).toMatch(/it serves|CPU virtualization|\/dev\/kvm/);
      await removeAll();
    },
  );

  test("a client that starts a container speaks to it over stdio", async () => {
    const ask = { jsonrpc: "2.0", id: 1, method: "tools/call" };
    const request = { ...ask, params: { name: "execute_code", arguments: { code: "6 * 7" } } };
    await Bun.write(join(context, "request"), `${JSON.stringify(request)}\n`);
    // The input stays open until the answer is there, as a client's does.
    const untilAnswered = "for try in $(seq 2000); do [ ! -s answer ] || break; sleep 0.1; done";
    const text = `{ cat request; ${untilAnswered}; } | { ${(await guide("docker-stdio")).trim()}; } >answer; cat answer`;
    const answer = JSON.parse(await type(text, 0));
    expect(answer.result.structuredContent).toMatchObject({ success: true, stdout: "42\n" });
  });

  test("a container with less memory than a session says so at the start, and the kernel ends the program, not the server", async () => {
    const port = freePort();
    await type((await guide("docker-run-full")).replace("--memory 4g", "--memory 600m"), port);
    await listening(docker, "msb-mcp");
    expect(await docker.out("docker logs msb-mcp 2>&1")).toContain("may have 600 MB together");
    const { token } = await running();
    const eaten = await call({ port, token }, "execute_code", { code: "a = bytearray(900 * 10**6)" });
    expect(eaten.result?.structuredContent).toMatchObject({ success: false });
    const after = await call({ port, token }, "execute_code", { code: "6 * 7" });
    expect(after.result?.structuredContent).toMatchObject({ success: true, stdout: "42\n" });
    await removeAll();
  });

  test("the image carries the profile that the project has", async () => {
    await docker.out(await guide("docker-profile"), {}, join(context, "dist"));
    const carried = await readFile(join(context, "dist/seccomp.json"), "utf8");
    expect(carried).toBe(await readFile(join(root, "deploy/docker/seccomp.json"), "utf8"));
  });

  test("the compose file's namespace service runs code", async () => {
    const port = freePort();
    const { namespace } = await services();
    if (namespace === undefined) throw new Error("compose.yaml has no service namespace");
    await type(`docker run --detach --name msb-mcp ${namespace.flags.join(" ")} ${namespace.image}`, port);
    await listening(docker, "msb-mcp");
    const token = (await docker.out("docker exec msb-mcp msb-mcp token")).trim();
    const answer = await call({ port, token }, "execute_code", { code: "6 * 7", template: "node" });
    expect(answer.result?.structuredContent).toMatchObject({ success: true, stdout: "42\n" });
    await docker.out("docker rm --force --volumes msb-mcp");
  });

  async function running() {
    const published = await docker.out("docker port msb-mcp 8000/tcp");
    const port = Number(published.trim().split(":").at(-1));
    return { port, token: (await docker.out("docker exec msb-mcp msb-mcp token")).trim() };
  }
});

type Listed = { readonly session_id: string; readonly status: string };

async function sessionsOf(at: { readonly port: number; readonly token: string }): Promise<readonly Listed[]> {
  const { result } = await call(at, "get_sessions", {});
  return (result?.structuredContent.sessions ?? []) as readonly Listed[];
}

/** The names of a process's children, those that have ended and were not waited for too. */
async function processesOf(parent: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
    const [, name = "", , of = ""] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat) ?? [];
    if (of === parent) found.push(name);
  }
  return found;
}
