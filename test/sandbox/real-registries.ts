// Are the real package registries reached from this machine, at addresses that a network policy lets through?

import { realOutside } from "../../src/sandbox/egress/reach.ts";
import { createJudge } from "../../src/sandbox/egress/verdict.ts";
import { packageRegistries } from "../../src/sandbox/network.ts";

export async function areRegistriesReached(): Promise<boolean> {
  return (await Promise.all(packageRegistries.map(isReached))).every(Boolean);
}

async function isReached(name: string): Promise<boolean> {
  try {
    const { status } = await fetch(`https://${name}/`, { method: "HEAD", signal: AbortSignal.timeout(5_000) });
    const addresses = await realOutside.resolve(name);
    const { judgeAddress } = createJudge({ kind: "packages" });
    const isOpen = (address: string) => judgeAddress({ address, port: 443, isNamed: true }, []) === undefined;
    return status < 500 && addresses.some(isOpen);
  } catch {
    return false;
  }
}
