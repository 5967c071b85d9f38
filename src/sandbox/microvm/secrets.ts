// Secrets in the runtime's words. The guest's variable holds a placeholder; the runtime, which ends the guest's TLS on the way out, puts
// the value into the headers of requests to the secret's host, and blocks a request that carries the placeholder anywhere else.

import type { SandboxBuilder, SecretBuilder } from "microsandbox";
import { type AllowedHost, machineName, type NetworkPolicy, packageRegistries } from "../network.ts";
import type { Secret } from "../secrets.ts";

export function applySecrets(builder: Pick<SandboxBuilder, "secret">, secrets: readonly Secret[]): void {
  for (const { name, host, reveal } of secrets) {
    builder.secret((secret: InstanceType<typeof SecretBuilder>) => {
      const bound = secret.env(name).value(reveal());
      if (host.startsWith("*.")) return bound.allowHostPattern(host);
      // Plain HTTP to this very machine never is on a wire; to anybody else it would show the value.
      return host === machineName ? bound.allowHost(host).requireTlsIdentity(false) : bound.allowHost(host);
    });
  }
}

/**
 * The ports on which the runtime looks into TLS: HTTPS's own, and those that the policy names for hosts that have secrets. On such a port nothing
 * but TLS passes, so neither HTTP's port nor this machine's are among them.
 */
export function interceptedPorts(secrets: readonly Secret[], policy: NetworkPolicy): readonly number[] {
  const allowed = policy.kind === "allow" ? policy.hosts : [];
  const named = allowed.filter((host) => secrets.some((secret) => isFor(secret, host))).map(({ port }) => port);
  const ports = named.filter((port) => port !== undefined).filter((port) => port !== 80);
  return [...new Set([443, ...ports])].sort((a, b) => a - b);
}

/** Hosts that the policy names and no secret is for: their TLS is left alone, so that the guest sees their own certificates. */
export function passedHosts(secrets: readonly Secret[], policy: NetworkPolicy): readonly string[] {
  const named = policy.kind === "allow" ? policy.hosts.flatMap(patternOf) : [];
  const all = policy.kind === "packages" ? packageRegistries : named;
  return [...new Set(all)].filter((pattern) => !secrets.some(({ host }) => overlap(host, pattern)));
}

function patternOf(allowed: AllowedHost): readonly string[] {
  if (allowed.kind === "domain") return [allowed.name];
  return allowed.kind === "subdomains" ? [allowed.name, `*.${allowed.name}`] : [];
}

/** Is there a name that both stand for? Each is a name or `*.DOMAIN`. */
function overlap(one: string, other: string): boolean {
  if (one === other) return true;
  const isBelow = (name: string, pattern: string) => pattern.startsWith("*.") && name.endsWith(pattern.slice(1));
  return isBelow(one, other) || isBelow(other, one);
}

function isFor({ host }: Secret, allowed: AllowedHost): boolean {
  if (allowed.kind === "network" || allowed.kind === "machine") return false;
  const name = host.replace(/^\*\./, "");
  return name === allowed.name || (allowed.kind === "subdomains" && name.endsWith(`.${allowed.name}`));
}
