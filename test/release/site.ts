// A web server on the loopback interface that has a release, as install.sh downloads it; one file can end half-way.

import { createServer } from "node:http";
import { basename, join } from "node:path";
import { makeArchive } from "../../scripts/releasing/archives.ts";
import { sumsFile, sumsOf } from "../../scripts/releasing/sums.ts";
import { targets } from "../../scripts/releasing/targets.ts";

/** What happens to the archive half-way. */
export type Break = "cut" | "hang";

export type Site = AsyncDisposable & {
  readonly baseUrl: string;
  /** By the paths that they are asked for with. */
  readonly files: Map<string, Uint8Array>;
  /** Of what is asked for with this ending. */
  breakAt(ending: string, how: Break): void;
  /** Once half of a broken file has been sent. */
  readonly halfSent: Promise<void>;
  /** Once the client of a broken file is gone. */
  readonly clientGone: Promise<void>;
};

/** A release of a program whose text is given, for Linux on x64. */
export async function startSite(folder: string, program: string): Promise<Site> {
  const [target] = targets;
  const path = join(folder, target.executable);
  await Bun.write(path, program);
  const texts = { LICENSE: "a license" };
  const archive = await makeArchive({
    ...{ outDir: folder, executable: { target, path }, texts },
    ...{ time: 1, compression: "quick" },
  });
  const sums = new TextEncoder().encode(sumsFile(await sumsOf([archive, path])));
  const files = new Map<string, Uint8Array>();
  for (const release of ["/latest/download", "/download/v1.2.3"]) {
    files.set(`${release}/${basename(archive)}`, await Bun.file(archive).bytes());
    files.set(`${release}/SHA256SUMS`, sums);
  }
  const halfSent = Promise.withResolvers<void>();
  const clientGone = Promise.withResolvers<void>();
  let broken: { readonly ending: string; readonly how: Break } | undefined;
  const server = createServer((request, response) => {
    const content = files.get(request.url ?? "");
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-length": content.byteLength });
    if (broken === undefined || request.url?.endsWith(broken.ending) !== true) {
      response.end(content);
      return;
    }
    const { how } = broken;
    response.on("close", () => clientGone.resolve());
    response.write(content.subarray(0, content.byteLength / 2), () => {
      halfSent.resolve();
      if (how === "cut") response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    files,
    breakAt(ending, how) {
      broken = { ending, how };
    },
    halfSent: halfSent.promise,
    clientGone: clientGone.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
