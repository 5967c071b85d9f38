// What session a call asks the registry for that names none: what it leaves out is the server's default.

import { type Flavor, type Flavors, flavorNames } from "../sandbox/flavors.ts";
import type { Named } from "./named.ts";
import type { NewSession } from "./port.ts";

export type SessionDefaults = {
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  /** By name: what a call gets that names none. */
  readonly defaultTemplate: string;
  readonly maxSessionsPerPrincipal: number | undefined;
  readonly maxMemoryMibPerPrincipal?: number | undefined;
};

export type SessionOf = (named: Named, principal: string) => NewSession;

export function sessionsAsked(defaults: SessionDefaults): SessionOf {
  const { flavors, defaultFlavor, defaultTemplate, maxSessionsPerPrincipal, maxMemoryMibPerPrincipal } = defaults;
  return ({ template = defaultTemplate, flavor: named }, principal) => {
    const flavor = flavorNames.find((each) => each === named) ?? defaultFlavor;
    return {
      ...{ principal, template, flavor, memoryMib: flavors[flavor].memoryMib },
      maxPrincipalSessions: maxSessionsPerPrincipal,
      maxPrincipalMemoryMib: maxMemoryMibPerPrincipal,
    };
  };
}
