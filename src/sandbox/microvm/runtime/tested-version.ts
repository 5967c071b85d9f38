// Which versions of the microsandbox runtime this program works with: those of the minor release that it is tested with. Before 1.0 a
// minor release may change anything.

import packageJson from "../../../../package.json" with { type: "json" };

/** The version that the tests run with, exactly. */
export const testedVersion: string = packageJson.dependencies.microsandbox;

/** What is wrong with this version, as the end of a sentence about it; undefined if nothing is. */
export function versionProblem(version: string): string | undefined {
  const found = parse(version);
  const tested = parse(testedVersion);
  if (found === undefined || tested === undefined) return `is ${JSON.stringify(version)}, which is not a version`;
  const wanted = `${tested.major}.${tested.minor}`;
  if (found.major === tested.major && found.minor === tested.minor) return undefined;
  const isOlder = found.major < tested.major || (found.major === tested.major && found.minor < tested.minor);
  return `is ${version}, which is too ${isOlder ? "old" : "new"}: it must be ${wanted}`;
}

function parse(version: string): { readonly major: number; readonly minor: number } | undefined {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\.\d/.exec(version) ?? [];
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}
