// A network policy in real sandboxes: real programs reach what it allows, by the variables that they go by, and attacks from inside reach nothing.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import type { Outside } from "../../../src/sandbox/egress/reach.ts";
import { createNamespaceHost, type NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { guestPath } from "../../../src/sandbox/namespace/tools.ts";
import { parseNetwork } from "../../../src/sandbox/network.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { runIn } from "../../contract/port-contract.ts";
import { areRegistriesReached } from "../real-registries.ts";
import { bootOne, command, descriptorCount, eventually, nodeTemplate, pythonTemplate } from "./machine.ts";
import { openRegistries, type Registries } from "./registries.ts";

setDefaultTimeout(120_000);

const isHere = (...programs: readonly string[]) =>
  programs.every((program) => Bun.which(program, { PATH: guestPath }) !== null);
const hasPip = isHere("python3") && Bun.spawnSync(["/usr/bin/python3", "-m", "pip", "--version"]).success;

const address = "93.184.215.14";
const names: Readonly<Record<string, string>> = {
  "rebinding.example.com": "127.0.0.1",
  "metadata.example.com": "169.254.169.254",
};

/** A host whose sandboxes see the CA of the stand-ins. */
function open(policyText: string, folder: string, registries: Registries, events: Event[]): NamespaceHost {
  const reading = parseNetwork(policyText);
  if ("problems" in reading) throw new Error(reading.problems.join());
  const outside: Outside = {
    resolve: async (name) => [names[name] ?? address],
    connect: (_address, port) =>
      connect({ host: "127.0.0.1", port: port === 443 ? registries.port : port, allowHalfOpen: true }),
    ownAddresses: () => ["127.0.0.1"],
  };
  return createNamespaceHost({
    ...{ network: reading.policy, outside, clock: systemClock, emit: (event) => void events.push(event) },
    volumes: [{ hostPath: join(folder, "shared"), guestPath: "/ca", readOnly: true }],
    stateDir: `/tmp/msb-mcp-tests/${Bun.nanoseconds()}`,
  });
}

const trust = Object.fromEntries(
  ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "npm_config_cafile"].map(
    (name) => [name, "/ca/ca.pem"],
  ),
);
const trusting = { ...pythonTemplate, env: { ...trust, PIP_RETRIES: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" } };

describe.skipIf(!isHere("bwrap", "openssl", "git", "curl"))("a network policy (bwrap, openssl, git, curl)", () => {
  let folder: string;
  let registries: Registries;
  let host: NamespaceHost;
  let sandbox: Sandbox;
  const events: Event[] = [];
  const refused = () => events.flatMap((event) => (event.type === "network.refused" ? [event] : []));

  beforeAll(async () => {
    mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
    folder = mkdtempSync("/tmp/msb-mcp-tests/network-");
    mkdirSync(join(folder, "shared"));
    registries = await openRegistries(folder, join(folder, "shared"));
    host = open("packages", folder, registries, events);
    sandbox = await bootOne(host, "network", trusting);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await registries[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test.skipIf(!hasPip)("pip installs from its registry (pip)", async () => {
    const ran = await command(
      sandbox,
      "/usr/bin/python3 -m pip install -q --target site made && PYTHONPATH=site /usr/bin/python3 -c 'import made; print(made.answer)'",
    );
    expect({ out: ran.stdout, error: ran.stderr }).toEqual({ out: "42\n", error: "" });
    expect(ran.end.notices).toBeUndefined();
  });

  test.skipIf(!isHere("npm", "node"))("npm installs from its registry (npm)", async () => {
    const ran = await command(
      sandbox,
      `mkdir -p n && cd n && npm install --silent --no-audit --no-fund made && node -p 'require("made")'`,
    );
    expect({ out: ran.stdout.trim().split("\n").at(-1), error: ran.stderr }).toEqual({ out: "42", error: "" });
  });

  test("curl reaches by HTTPS and by SOCKS 5 with names, and is told what it may not", async () => {
    const ran = await command(
      sandbox,
      "curl -sS https://pypi.org/; curl -sS -x socks5h://127.0.0.1:3128 https://pypi.org/; curl -sS https://other.example.com/",
    );
    expect(ran.stdout).toBe("reachedreached");
    expect(ran.stderr).toContain("response 403");
    expect(ran.end.notices).toEqual([
      "[the network policy packages refused other.example.com:443: it allows pypi.org, files.pythonhosted.org, registry.npmjs.org]",
    ]);
  });

  test("urllib reaches what is allowed, and is told why it does not reach the rest", async () => {
    const ran = await command(
      sandbox,
      `/usr/bin/env python3 - <<'END'
import urllib.request
print(urllib.request.urlopen("https://pypi.org/").read().decode())
for url in "https://other.example.com/", "http://pypi.org/":
    try:
        urllib.request.urlopen(url)
    except OSError as error:
        print(error)
END`,
    );
    expect(ran.stdout).toBe(
      "reached\n<urlopen error Tunnel connection failed: 403 Refused by the network policy of this sandbox>\n" +
        "HTTP Error 403: Refused by the network policy of this sandbox\n",
    );
  });

  test("git clones where its host is allowed, and is refused by name where it is not", async () => {
    const clone = "git clone -q https://git.example.com/repository.git cloned && cat cloned/file.txt";
    const denied = await command(sandbox, clone);
    expect(denied.stderr).toContain("403");
    expect(denied.end.notices).toEqual([expect.stringContaining("refused git.example.com:443: it allows pypi.org")]);
    await using allowing = open("allow:git.example.com:443", folder, registries, events);
    await using own = await bootOne(allowing, "git", trusting);
    expect(await command(own, clone)).toMatchObject({ stdout: "cloned\n", stderr: "" });
  });

  test.skipIf(!isHere("node"))(
    "Node's fetch goes by the variables, in programs and in code, and is told why it does not reach (node)",
    async () => {
      await using own = await bootOne(host, "node", { ...nodeTemplate, env: trust });
      const source = 'await fetch("https://pypi.org/").then((answer) => answer.text())';
      const inProgram = await command(own, `node --input-type=module -e 'console.log(${source})'`);
      expect({ out: inProgram.stdout, error: inProgram.stderr }).toEqual({ out: "reached\n", error: "" });
      expect((await runIn(own, "code", source)).end.result).toBe("'reached'");
      const local = `
const server = require("node:http").createServer((_request, response) => response.end("local")).listen(0);
await fetch("http://localhost:" + server.address().port).then((answer) => answer.text())`;
      expect((await runIn(own, "code", local)).end.result).toBe("'local'");
      const denied = await runIn(
        own,
        "code",
        'await fetch("https://other.example.com/").catch((error) => String(error.cause))',
      );
      expect(denied.end.result).toContain("403");
      expect(denied.end.notices).toEqual([
        expect.stringContaining("refused other.example.com:443: it allows pypi.org"),
      ]);
    },
  );

  test.skipIf(!isHere("node"))(
    "what Node's http and https get goes by the variables, however they are loaded, and so does what older clients ask the proxy for (node)",
    async () => {
      await using own = await bootOne(host, "node-agents", { ...nodeTemplate, env: trust });
      const inProgram = await command(
        own,
        `echo '${getting}${got('require("https").get', '"https://pypi.org/"')}' > one.cjs && node one.cjs
echo 'import { get as secure } from "node:https"; ${getting}${got("secure", '"https://pypi.org/"')}' > two.mjs && node two.mjs`,
      );
      expect({ out: inProgram.stdout, error: inProgram.stderr }).toEqual({ out: "reached\nreached\n", error: "" });
      const older = '{ host: "127.0.0.1", port: 3128, path: "https://pypi.org/x", headers: { host: "pypi.org" } }';
      const local = `
const server = require("http").createServer((_request, response) => response.end("local")).listen(0);
await ${got('require("http").get', '"http://localhost:" + server.address().port')};`;
      const inCode = await runIn(own, "code", `${getting}await ${got('require("http").get', older)};${local}`);
      expect(inCode.stdout).toBe("reached\nlocal\n");
      const denied = await runIn(
        own,
        "code",
        `await ${got('require("https").get', '"https://other.example.com/"')}; await ${got('require("http").get', '"http://pypi.org/"')}`,
      );
      expect(denied.stdout).toMatch(/^.*403.*\n.*(?:403|Refused).*\n$/);
      expect(denied.end.notices).toEqual([
        expect.stringContaining("refused other.example.com:443: it allows pypi.org"),
        expect.stringContaining("refused pypi.org:80: it allows port 443"),
      ]);
    },
  );

  test("no attack from inside reaches anything, and what asks the proxy is told by its rule", async () => {
    const before = registries.requests.length;
    const own = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("this machine") });
    await using _server = { [Symbol.asyncDispose]: () => own.stop(true) };
    const ran = await command(sandbox, attacks(own.port ?? 0));
    expect({ out: ran.stdout, error: ran.stderr }).toEqual({ out: "nothing was reached\n", error: "" });
    expect(registries.requests.slice(before)).toEqual([]);
    const rules = new Set(refused().map(({ rule }) => rule));
    expect([...rules].sort()).toEqual(["address", "name", "port", "private_address", "protocol", "tls_name"]);
    expect(ran.end.notices?.length).toBe(9);
  });

  test("names that lead to this machine and to metadata are refused where every public name is allowed", async () => {
    await using everywhere = open("public", folder, registries, events);
    await using own = await bootOne(everywhere, "public", trusting);
    const urls = [
      "rebinding.example.com",
      "metadata.example.com",
      "169.254.169.254",
      "127.0.0.1",
      "[::1]",
      "2130706433",
      "0x7f.1",
    ];
    const ran = await command(
      own,
      urls.map((host) => `curl -s -o /dev/null --noproxy '' -w '%{http_code}\\n' http://${host}/`).join("\n"),
    );
    expect(ran.stdout).toBe("403\n".repeat(urls.length));
    // curl writes the last two as it does the fourth.
    expect(ran.end.notices?.length).toBe(urls.length - 2);
  });

  test("sandboxes have a way out each: none reaches another's, and one may have none beside it", async () => {
    await using own = await host.create(
      { sessionId: "without", template: trusting, resources: { cpus: 1, memoryMib: 256 }, network: { kind: "none" } },
      new AbortController().signal,
    );
    const ran = await command(
      own,
      "env | grep -iE 'proxy|node_(use|opt)'; ls /run/msb | grep proxied; python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 3128))' 2>&1 | tail -1",
    );
    expect(ran.stdout).toBe("ConnectionRefusedError: [Errno 111] Connection refused\n");
    await using other = await bootOne(host, "other", trusting);
    await command(other, "curl -s https://other.example.com/");
    expect(refused().at(-1)).toMatchObject({ sessionId: "other", host: "other.example.com" });
  });

  test("10,000 connections of one sandbox end as many as it may have, and nothing of them stays", async () => {
    await using flooding = await bootOne(host, "flood", trusting);
    const before = descriptorCount();
    const flood = command(
      flooding,
      `/usr/bin/env python3 - <<'END'
import socket
for _ in range(100):
    sockets = []
    for _ in range(100):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", 3128))
        sockets.append(one)
print("flooded")
END`,
    );
    // Meanwhile another one goes on.
    expect((await command(sandbox, "curl -sS https://pypi.org/")).stdout).toBe("reached");
    const ran = await flood;
    expect({ out: ran.stdout, error: ran.stderr }).toEqual({ out: "flooded\n", error: "" });
    expect(descriptorCount()).toBeLessThan(before + 2 * 64 + 32);
    await eventually("its connections are gone", () => descriptorCount() <= before + 8);
  });
});

const systemCa = "/etc/ssl/certs/ca-certificates.crt";
const areRealThere = isHere("bwrap") && (await areRegistriesReached());

describe.skipIf(!areRealThere)("the real registries (bwrap, and that they are reached from this machine)", () => {
  test.skipIf(!(hasPip && isHere("npm", "node")))("pip and npm install from them (pip, npm)", async () => {
    const reading = parseNetwork("packages");
    if (!("policy" in reading)) throw new Error("packages is a policy");
    const stateDir = `/tmp/msb-mcp-tests/${Bun.nanoseconds()}`;
    const options = { network: reading.policy, volumes: [], clock: systemClock, emit: () => undefined, stateDir };
    await using host = createNamespaceHost(options);
    const env = { PIP_CERT: systemCa, NODE_EXTRA_CA_CERTS: systemCa };
    await using sandbox = await bootOne(host, "real", { ...pythonTemplate, env });
    const pip =
      "/usr/bin/python3 -m pip install -q --disable-pip-version-check --target site six && ls site | grep six.py";
    expect((await command(sandbox, pip)).stdout).toBe("six.py\n");
    const npm =
      "mkdir n && cd n && npm install --silent --no-audit --no-fund left-pad && node -p 'require(\"left-pad\")(7, 3, 0)'";
    expect((await command(sandbox, npm)).stdout).toEndWith("007\n");
  });
});

/** For Node: what is got is printed, or why it is not. */
const getting = `
function got(get, place) {
  return new Promise((resolve) => {
    const told = (text) => resolve(console.log(text));
    get(place, (answer) => {
      let text = "";
      answer.on("data", (piece) => (text += piece)).on("end", () => told(text));
    }).on("error", (error) => told(error.message));
  });
}
`;
const got = (get: string, place: string) => `got(${get}, ${place})`;

/** In Python, of which every try says what it has reached. */
function attacks(machinePort: number): string {
  return `/usr/bin/env python3 - <<'END'
import socket, ssl, struct

def direct(family, kind, proto, address):
    one = socket.socket(family, kind, proto)
    one.settimeout(5)
    one.connect(address)
    one.sendto(b"x", address) if kind == socket.SOCK_DGRAM else None

def proxy(text):
    one = socket.create_connection(("127.0.0.1", 3128), 20)
    one.sendall(text)
    return one

def tunnel(authority):
    one = proxy(f"CONNECT {authority} HTTP/1.1\\r\\n\\r\\n".encode())
    first = one.recv(4096)
    if not first.startswith(b"HTTP/1.1 200"):
        raise OSError(first)
    return one

def plain(url, more=""):
    answer = proxy(f"GET {url} HTTP/1.1\\r\\n{more}\\r\\n".encode()).recv(4096)
    if not answer.startswith(b"HTTP/1.1 2"):
        raise OSError(answer)

def tls(connect_to, name):
    context = ssl._create_unverified_context()
    context.wrap_socket(tunnel(connect_to), server_hostname=name)

def silent_tls():
    context = ssl._create_unverified_context()
    context.wrap_socket(tunnel("pypi.org:443"))

def smuggled():
    one = tunnel("pypi.org:443")
    one.sendall(b"GET / HTTP/1.1\\r\\nHost: pypi.org\\r\\n\\r\\n")
    if b"HTTP" not in one.recv(4096):
        raise OSError("refused")

def socks(address_type, address, port):
    one = proxy(b"\\x05\\x01\\x00")
    one.recv(2)
    one.sendall(b"\\x05\\x01\\x00" + address_type + address + struct.pack(">H", port))
    if one.recv(10)[1:2] != b"\\x00":
        raise OSError("refused")

hosts = ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
    "localhost", "host.microsandbox.internal", "169.254.169.254", "[fd00:ec2::254]", "1.1.1.1", "[2606:4700::1111]", "0", "0.0.0.0"]
tries = [
    lambda: direct(socket.AF_INET, socket.SOCK_STREAM, 0, ("1.1.1.1", 443)),
    lambda: direct(socket.AF_INET6, socket.SOCK_STREAM, 0, ("2606:4700::1111", 443)),
    lambda: direct(socket.AF_INET, socket.SOCK_DGRAM, 0, ("1.1.1.1", 53)),
    lambda: direct(socket.AF_INET, socket.SOCK_RAW, 1, ("127.0.0.1", 0)),
    lambda: direct(socket.AF_PACKET, socket.SOCK_RAW, 0, ("lo", 0)),
    lambda: direct(socket.AF_INET, socket.SOCK_STREAM, 0, ("127.0.0.1", ${machinePort})),
    lambda: socket.getaddrinfo("pypi.org", 443),
    *[lambda port=port: tunnel(f"pypi.org:{port}") for port in (22, 25, 80, 8443, 65535)],
    *[lambda host=host: tunnel(f"{host}:${machinePort}") for host in hosts],
    *[lambda host=host: tunnel(f"{host}:443") for host in hosts],
    *[lambda host=host: plain(f"http://{host}:${machinePort}/") for host in hosts],
    lambda: plain("http://pypi.org/"),
    lambda: plain("http://pypi.org@other.example.com/"),
    lambda: plain("http://pypi.org/", "Host: pypi.org\\r\\nHost: other.example.com\\r\\n"),
    lambda: plain("http://pypi.org/", "Content-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n"),
    lambda: tls("pypi.org:443", "other.example.com"),
    lambda: tls("pypi.org:443", "files.pythonhosted.org"),
    silent_tls,
    smuggled,
    lambda: socks(b"\\x01", bytes([127, 0, 0, 1]), ${machinePort}),
    lambda: socks(b"\\x04", bytes(10) + b"\\xff\\xff" + bytes([127, 0, 0, 1]), ${machinePort}),
    lambda: socks(b"\\x03", b"\\x09127.0.0.1", ${machinePort}),
    lambda: socks(b"\\x03", b"\\x11other.example.com", 443),
]
reached = 0
for number, attempt in enumerate(tries):
    try:
        attempt()
        reached += 1
        print("reached by try", number)
    except (OSError, ValueError):
        pass
if reached == 0:
    print("nothing was reached")
END`;
}
