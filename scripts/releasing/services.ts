// The files that package managers and service managers take, with the version and the sums of a release in them: the templates are in deploy/.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { project, releaseFileUrl } from "./project.ts";

const folder = join(import.meta.dir, "../../deploy");

const templates = ["msb-mcp.service", "msb-mcp.plist", "msb-mcp.rb", "kubernetes.yaml"] as const;

export type ServiceOptions = {
  readonly version: string;
  /** Made if it is not there. */
  readonly outDir: string;
  /** SHA-256, in hexadecimal, of each file of the release that a template names. */
  readonly sums: ReadonlyMap<string, string>;
};

/** The paths of the files. */
export async function makeServiceFiles({ version, outDir, sums }: ServiceOptions): Promise<readonly string[]> {
  await mkdir(outDir, { recursive: true });
  const paths: string[] = [];
  for (const name of templates) {
    const path = join(outDir, name);
    const text = await Bun.file(join(folder, name)).text();
    await Bun.write(
      path,
      text.replaceAll(/@([A-Z][A-Z0-9_]*)(?: (\S+))?@/g, (_, key, file) => filledIn(key, file)),
    );
    paths.push(path);
  }
  return paths;

  function filledIn(key: string, file: string | undefined): string {
    switch (key) {
      case "VERSION":
        return version;
      case "REPOSITORY":
        return project.repositoryUrl;
      case "IMAGE":
        return project.image;
      case "MCP_NAME":
        return project.mcpName.replace("/", ".");
      case "URL":
        return releaseFileUrl(version, file ?? "");
      case "SHA256": {
        const sum = sums.get(file ?? "");
        if (sum === undefined) throw new Error(`there is no sum of ${file}, which deploy/ names`);
        return sum;
      }
      default:
        throw new Error(`deploy/ names @${key}@, which stands for nothing`);
    }
  }
}
