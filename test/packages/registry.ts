// An npm registry on loopback that has the packages it is given, and no others.

import { basename } from "node:path";

type Manifest = { readonly name: string; readonly version: string };

export type Registry = {
  readonly url: string;
  /** The names of the packages whose tarballs were fetched, in order. */
  readonly fetched: readonly string[];
} & AsyncDisposable;

export async function startRegistry(tarballs: readonly string[]): Promise<Registry> {
  const fetched: string[] = [];
  const packages = new Map<
    string,
    { readonly manifest: Manifest; readonly tarball: string; readonly integrity: string }
  >();
  for (const tarball of tarballs) {
    const manifest = await manifestOf(tarball);
    const sum = new Bun.CryptoHasher("sha512").update(await Bun.file(tarball).bytes()).digest("base64");
    packages.set(manifest.name, { manifest, tarball, integrity: `sha512-${sum}` });
  }
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }): Response {
      const { origin, pathname } = new URL(url);
      const [name = "", file] = pathname.slice(1).split("/");
      const found = packages.get(name);
      if (found === undefined) return Response.json({ error: "Not found" }, { status: 404 });
      const { manifest, tarball, integrity } = found;
      if (file !== undefined) {
        fetched.push(name);
        return new Response(Bun.file(tarball));
      }
      const dist = { tarball: `${origin}/${name}/${basename(tarball)}`, integrity };
      return Response.json({
        name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } },
      });
    },
  });
  return { url: server.url.href, fetched, [Symbol.asyncDispose]: () => server.stop(true) };
}

export async function manifestOf(tarball: string): Promise<Manifest & Readonly<Record<string, unknown>>> {
  const text = await Bun.$`tar -xOzf ${tarball} package/package.json`.text();
  return JSON.parse(text);
}
