// Keys that sandboxes use without having them: bound to hosts, put in on the way out. How `--secret` is written, and what must hold.

import { domainName, machineName, type NetworkPolicy, reaches } from "./network.ts";

export type Secret = {
  /** The variable of the guest, which holds a placeholder. */
  readonly name: string;
  /** The only host that the value is sent to: a name, or `*.DOMAIN`. */
  readonly host: string;
  /** The value. A function, so that nothing that prints or serialises a configuration shows it. */
  readonly reveal: () => string;
};

export const secretRule = `NAME=VARIABLE@HOST, several as a comma list: the guest's variable, this process's variable, and NAME.DOMAIN, *.NAME.DOMAIN or ${machineName}`;

/** Bytes of a value: what the headers of a request may hold, with room to spare. */
const maxValueBytes = 16_384;

/**
 * Reads `NAME=VARIABLE@HOST` items; `variableOf` gives this process's variables. Never throws; no problem shows an item that does not have the shape,
 * because it may be a value in the wrong place, nor ever a value.
 */
export function parseSecrets(
  items: readonly string[],
  variableOf: (name: string) => string | undefined,
): { secrets: readonly Secret[]; problems: readonly string[] } {
  const secrets: Secret[] = [];
  const problems: string[] = [];
  for (const [index, item] of items.entries()) {
    const secret = parseSecret(item, variableOf);
    if (typeof secret === "string") problems.push(`secret ${index + 1}: ${secret}`);
    else if (secrets.some(({ name }) => name === secret.name)) {
      problems.push(`secret ${index + 1}: ${secret.name} is bound already; allowed is one secret a variable`);
    } else secrets.push(secret);
  }
  return { secrets, problems };
}

/** A secret whose host is out of reach would never be sent: one problem a secret. */
export function unreachableSecrets(secrets: readonly Secret[], policy: NetworkPolicy): readonly string[] {
  return secrets
    .filter(({ host }) => !reaches(policy, host))
    .map(({ name, host }) => `the secret ${name} is for ${host}, which the network policy does not allow`);
}

/** The secret, or what is wrong with the item. */
function parseSecret(item: string, variableOf: (name: string) => string | undefined): Secret | string {
  const [, name, variable, host = ""] = /^([A-Za-z_]\w{0,127})=([A-Za-z_]\w{0,127})@(.+)$/.exec(item) ?? [];
  if (name === undefined || variable === undefined) return `it has not the shape that is allowed: ${secretRule}`;
  const lower = host.toLowerCase();
  if (domainName(lower.replace(/^\*\./, "")) === undefined) {
    return `${name}: ${JSON.stringify(host.slice(0, 100))} is not allowed; a secret's host is NAME.DOMAIN, *.NAME.DOMAIN or ${machineName}`;
  }
  const value = variableOf(variable);
  if (value === undefined || value === "")
    return `${name}: the variable ${variable} is not set; it must hold the value`;
  if (/[\0\r\n]/.test(value)) return `${name}: the value in ${variable} has line breaks; it must be one line`;
  if (Buffer.byteLength(value) > maxValueBytes) {
    return `${name}: the value in ${variable} has over ${maxValueBytes} bytes; allowed are ${maxValueBytes}`;
  }
  return { name, host: lower, reveal: () => value };
}
