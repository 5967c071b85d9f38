// What package.json says of the project, in the forms that packages and registries take it in.

import packageJson from "../../package.json" with { type: "json" };

const [owner = "", repositoryName = ""] = packageJson.repository.replace(/^github:/, "").split("/");

export const project = {
  name: packageJson.name,
  description: packageJson.description,
  license: packageJson.license,
  /** io.github.OWNER/NAME: what the MCP registry knows the server by. */
  mcpName: packageJson.mcpName,
  owner,
  repositoryName,
  repositoryUrl: `https://github.com/${owner}/${repositoryName}`,
  /** The image of a version is `${image}:${version}`; with bubblewrap and interpreters `${image}:${version}-full`. */
  image: `ghcr.io/${owner}/${repositoryName}`,
} as const;

/** Where a file of a release is to be had. */
export function releaseFileUrl(version: string, file: string): string {
  return `${project.repositoryUrl}/releases/download/v${version}/${file}`;
}
