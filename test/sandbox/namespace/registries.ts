// Registries of the test's own, under the names of the real ones: one server with TLS, whose certificate a CA of a moment has signed, that has one
// package for pip, one for npm, and a repository for git.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTarGzip } from "nanotar";
import { ZipFile } from "yazl";

export type Registries = AsyncDisposable & {
  readonly port: number;
  /** HOST PATH of each request, in order. */
  readonly requests: string[];
};

const bytes = "application/octet-stream";

const names = ["pypi.org", "files.pythonhosted.org", "registry.npmjs.org", "git.example.com", "other.example.com"];

/** `caFolder` gets ca.pem. Throws if openssl or git make nothing. */
export async function openRegistries(folder: string, caFolder: string): Promise<Registries> {
  const tls = makeCertificates(folder, caFolder);
  const files = await packageFiles();
  makeRepository(folder);
  const requests: string[] = [];
  const server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1", tls },
    fetch: (request) => {
      const host = request.headers.get("host") ?? "";
      const { pathname } = new URL(request.url);
      requests.push(`${host} ${pathname}`);
      const file = files.get(`${host}${pathname}`);
      // As the real ones say of files, which never change.
      const cached = file?.type === bytes ? { "Cache-Control": "public, max-age=31536000, immutable" } : {};
      if (file !== undefined) return new Response(file.content, { headers: { "Content-Type": file.type, ...cached } });
      if (host !== "git.example.com") return new Response("reached", { status: pathname === "/" ? 200 : 404 });
      return new Response(Bun.file(join(folder, "repository.git", pathname.replace(/^\/repository\.git/, ""))));
    },
    error: () => new Response("not found", { status: 404 }),
  });
  return {
    ...{ port: server.port ?? 0, requests },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

type Content = { readonly content: Uint8Array<ArrayBuffer> | string; readonly type: string };

async function packageFiles(): Promise<Map<string, Content>> {
  const wheel = await wheelOf({
    "made.py": "answer = 42\n",
    "made-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: made\nVersion: 1\n",
    "made-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "made-1.dist-info/RECORD":
      "made.py,,\nmade-1.dist-info/METADATA,,\nmade-1.dist-info/WHEEL,,\nmade-1.dist-info/RECORD,,\n",
  });
  const manifest = { name: "made", version: "1.0.0", main: "index.js" };
  const tarball = await createTarGzip([
    { name: "package/package.json", data: JSON.stringify(manifest) },
    { name: "package/index.js", data: "module.exports = 42;\n" },
  ]);
  const integrity = `sha512-${new Bun.CryptoHasher("sha512").update(tarball).digest("base64")}`;
  const dist = { tarball: "https://registry.npmjs.org/made/-/made-1.0.0.tgz", integrity };
  const packument = { name: "made", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": { ...manifest, dist } } };
  const wheelUrl = "https://files.pythonhosted.org/packages/made-1-py3-none-any.whl";
  return new Map<string, Content>([
    ["pypi.org/simple/made/", { content: `<a href="${wheelUrl}">made-1-py3-none-any.whl</a>`, type: "text/html" }],
    ["files.pythonhosted.org/packages/made-1-py3-none-any.whl", { content: wheel, type: bytes }],
    ["registry.npmjs.org/made", { content: JSON.stringify(packument), type: "application/json" }],
    ["registry.npmjs.org/made/-/made-1.0.0.tgz", { content: Uint8Array.from(tarball), type: bytes }],
  ]);
}

async function wheelOf(files: Readonly<Record<string, string>>): Promise<Uint8Array<ArrayBuffer>> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  const pieces: Buffer[] = [];
  for await (const piece of zip.outputStream) pieces.push(Buffer.from(piece));
  return Uint8Array.from(Buffer.concat(pieces));
}

function makeCertificates(folder: string, caFolder: string) {
  const [caKey, key, request, extensions] = ["ca.key", "key.pem", "request.pem", "names.txt"].map((name) =>
    join(folder, name),
  );
  const [ca, certificate] = [join(caFolder, "ca.pem"), join(folder, "certificate.pem")];
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(`${extensions}`, `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`);
  run("openssl", "req", "-x509", ...ec, "-days", "2", "-subj", "/CN=Test CA", "-keyout", `${caKey}`, "-out", ca);
  run("openssl", "req", "-new", ...ec, "-subj", "/CN=registries", "-keyout", `${key}`, "-out", `${request}`);
  const signed = ["-CA", ca, "-CAkey", `${caKey}`, "-CAcreateserial", "-days", "2", "-extfile", `${extensions}`];
  run("openssl", "x509", "-req", "-in", `${request}`, ...signed, "-out", certificate);
  return { key: Bun.file(`${key}`), cert: Bun.file(certificate) };
}

/** As a server of plain files has it. */
function makeRepository(folder: string): void {
  const work = join(folder, "work");
  mkdirSync(work);
  writeFileSync(join(work, "file.txt"), "cloned\n");
  const git = (...argv: readonly string[]) =>
    run("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-C", work, ...argv);
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "One");
  run("git", "clone", "-q", "--bare", work, join(folder, "repository.git"));
  run("git", "-C", join(folder, "repository.git"), "update-server-info");
}

function run(...argv: readonly string[]): void {
  const ran = Bun.spawnSync([...argv], { stdout: "ignore", stderr: "pipe" });
  if (!ran.success) throw new Error(`${argv.slice(0, 3).join(" ")}: ${ran.stderr}`);
}
