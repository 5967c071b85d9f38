// A small image in the layout of `docker save`, and the same as a registry serves it.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Writes the archive of one image with these references, made of one file with this content. */
export function writeImageArchive(path: string, references: readonly string[], content: string): void {
  const folder = `${path}.files`;
  const layer = layerOf(folder, content);
  const config = configOf(layer);
  const configName = `${hex(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: references, Layers: ["layer.tar"] }];
  writeFileSync(join(folder, configName), config);
  writeFileSync(join(folder, "layer.tar"), layer);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  tar(["-C", folder, "-cf", path, "manifest.json", configName, "layer.tar"]);
}

/** A registry with this image under every name; `refuse` makes it answer 500 instead. On a free port of the loopback, without TLS. */
export function serveRegistry(folder: string, content: string) {
  const layer = layerOf(join(folder, "registry.files"), content);
  const config = configOf(layer);
  const blobs = new Map([layer, config].map((bytes) => [`sha256:${hex(bytes)}`, bytes]));
  const kind = "application/vnd.oci.image";
  const describe = (mediaType: string, bytes: Uint8Array) => ({
    ...{ mediaType, digest: `sha256:${hex(bytes)}`, size: bytes.length },
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${kind}.manifest.v1+json`,
    config: describe(`${kind}.config.v1+json`, config),
    layers: [describe(`${kind}.layer.v1.tar`, layer)],
  });
  const state = { refuse: false, manifestsAsked: 0 };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (state.refuse) return new Response("broken", { status: 500 });
      if (pathname === "/v2/") return Response.json({});
      if (pathname.includes("/manifests/")) {
        state.manifestsAsked++;
        return new Response(manifest, { headers: { "Content-Type": `${kind}.manifest.v1+json` } });
      }
      const blob = blobs.get(pathname.split("/").at(-1) ?? "");
      return blob === undefined ? new Response("no such blob", { status: 404 }) : new Response(new Uint8Array(blob));
    },
  });
  return { host: `127.0.0.1:${server.port}`, state, [Symbol.dispose]: () => void server.stop(true) };
}

function layerOf(folder: string, content: string): Buffer {
  mkdirSync(join(folder, "root/bin"), { recursive: true });
  writeFileSync(join(folder, "root/bin/content"), content);
  return tar(["-C", join(folder, "root"), "-cf", "-", "bin"]);
}

function configOf(layer: Buffer): Buffer {
  const rootfs = { type: "layers", diff_ids: [`sha256:${hex(layer)}`] };
  return Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }));
}

function tar(args: readonly string[]): Buffer {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["tar", ...args], { cwd: dirname(import.meta.path) });
  if (exitCode !== 0) throw new Error(`tar: ${stderr.toString()}`);
  return stdout;
}

function hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
