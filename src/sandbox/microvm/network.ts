// The network policy in the runtime's words: first match wins, and what nothing matches is denied, both ways, DNS included.
// The runtime answers a DNS question itself, and asks on only for names that a domain rule allows: no rule here opens its port 53.

import type { NetworkBuilder, NetworkPolicy as RuntimePolicy, SandboxBuilder } from "microsandbox";
import { type AllowedHost, type NetworkPolicy, packageRegistries } from "../network.ts";
import type { Secret } from "../secrets.ts";
import { applySecrets, interceptedPorts, passedHosts } from "./secrets.ts";

export type NetworkedBuilder = Pick<SandboxBuilder, "disableNetwork" | "network" | "secret">;

type Rule = RuntimePolicy["rules"][number];

/**
 * Tells the builder whom the sandbox may reach, and binds the secrets to their hosts. Without a network there is no device either, so that
 * nothing depends on a rule.
 */
export function applyNetwork(builder: NetworkedBuilder, policy: NetworkPolicy, secrets: readonly Secret[]): void {
  if (policy.kind === "none") {
    builder.disableNetwork();
    return;
  }
  const ports = interceptedPorts(secrets, policy);
  const passed = passedHosts(secrets, policy);
  builder.network((network: InstanceType<typeof NetworkBuilder>) => {
    const governed = network.policy(runtimePolicy(policy));
    if (secrets.length === 0) return governed;
    return governed.tls((tls) => passed.reduce((one, host) => one.bypass(host), tls.interceptedPorts([...ports])));
  });
  // After the network, of which each call starts a configuration of its own: a second one would have the default policy again.
  applySecrets(builder, secrets);
}

function runtimePolicy(policy: NetworkPolicy): RuntimePolicy {
  return { defaultEgress: "deny", defaultIngress: "deny", rules: rulesOf(policy) };
}

function rulesOf(policy: NetworkPolicy): readonly Rule[] {
  switch (policy.kind) {
    case "none":
      return [];
    case "packages":
      return packageRegistries.map((name) => allow({ kind: "domain", domain: name }, 443, ["tcp"]));
    case "public":
      // DNS for all names, at the gateway; then every address but those of private networks, this machine and clouds' metadata.
      return [
        allow({ kind: "group", group: "host" }, 53, ["udp", "tcp"]),
        allow({ kind: "group", group: "public" }, undefined, []),
      ];
    case "allow":
      return inOrder(policy.hosts);
  }
}

/**
 * Names first, as DNS is judged by the same rules. This machine stands at an address inside 172.16.0.0/12: a network that is allowed must not open
 * what was not named.
 */
function inOrder(hosts: readonly AllowedHost[]): readonly Rule[] {
  const rules = (...kinds: readonly AllowedHost["kind"][]) =>
    hosts.filter(({ kind }) => kinds.includes(kind)).map(ruleOf);
  const networks = rules("network");
  const notThisMachine: readonly Rule[] =
    networks.length === 0 ? [] : [{ ...ruleForMachine(undefined), action: "deny" }];
  return [...rules("domain", "subdomains"), ...rules("machine"), ...notThisMachine, ...networks];
}

function ruleOf(host: AllowedHost): Rule {
  switch (host.kind) {
    case "domain":
      return allow({ kind: "domain", domain: host.name }, host.port, ["tcp", "udp"]);
    case "subdomains":
      return allow({ kind: "domainSuffix", suffix: host.name }, host.port, ["tcp", "udp"]);
    case "network":
      return allow({ kind: "cidr", cidr: host.cidr }, host.port, ["tcp", "udp"]);
    case "machine":
      return ruleForMachine(host.port);
  }
}

/** The address of this machine is where DNS is answered as well: a rule for UDP, or for all ports, would open all names. */
function ruleForMachine(port: number | undefined): Rule {
  return allow({ kind: "group", group: "host" }, port, port === undefined ? [] : ["tcp"]);
}

function allow(destination: Rule["destination"], port: number | undefined, protocols: Rule["protocols"]): Rule {
  const ports = port === undefined ? [] : [{ start: port, end: port }];
  return { direction: "egress", destination, protocols, ports, action: "allow" };
}
