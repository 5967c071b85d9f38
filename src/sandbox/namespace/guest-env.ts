// The environment of what runs in a sandbox: code, commands and the program that works on its files.

import { existsSync } from "node:fs";
import { installerEnv, ownPrefix } from "../packages.ts";
import type { SandboxSpec } from "../port.ts";
import { guestHome, guestUser } from "./layout.ts";
import { guestPath } from "./tools.ts";
import { proxyEnv } from "./way-out.ts";

export type GuestEnvOptions = Pick<SandboxSpec, "template" | "programs"> & {
  /** As `Interpreter.pathPrefix`: what stands before the guest's PATH. */
  readonly pathPrefix: string;
  readonly hasWayOut: boolean;
};

export function guestEnv(options: GuestEnvOptions): Readonly<Record<string, string>> {
  const { template, programs, pathPrefix, hasWayOut } = options;
  const ofPackages = programs === undefined ? "" : `${programs.folder}:`;
  return {
    ...{ ...common, PATH: `${ownPrefix}/bin:${ofPackages}${pathPrefix}${guestPath}` },
    ...(hasWayOut && { ...proxyEnv, ...trustEnv() }),
    ...template.env,
  };
}

const common = {
  HOME: guestHome,
  USER: guestUser,
  LOGNAME: guestUser,
  LANG: "C.UTF-8",
  TERM: "dumb",
  ...installerEnv,
  NPM_CONFIG_PREFIX: ownPrefix,
};

/** Node.js and npm know only a list of authorities of their own, whatever this machine trusts: a company's proxy, say. pip goes by the machine's. */
function trustEnv(): Readonly<Record<string, string>> {
  const authorities = "/etc/ssl/certs/ca-certificates.crt";
  return existsSync(authorities) ? { NODE_EXTRA_CA_CERTS: authorities } : {};
}
