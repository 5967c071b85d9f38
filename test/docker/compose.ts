// compose.yaml as `docker run` would have it. Docker's compose plugin is no package of Debian 12, so the tests start its services by their settings;
// one that is not known here is an error.

import { join } from "node:path";
import { root } from "../docs/blocks.ts";

export type Service = {
  readonly profiles: readonly string[];
  readonly image: string;
  readonly target: string;
  readonly flags: readonly string[];
};

type Settings = Readonly<Record<string, unknown>>;

/** By their names. `env` is what ${…} is taken from. */
export async function services(env: Readonly<Record<string, string>> = {}): Promise<Readonly<Record<string, Service>>> {
  const text = (await Bun.file(join(root, "compose.yaml")).text()).replace(
    /\$\{(\w+):-([^}]*)\}/g,
    (_all, name: string, fallback: string) => env[name] ?? fallback,
  );
  const file = Bun.YAML.parse(text) as { readonly services: Readonly<Record<string, Settings>> };
  return Object.fromEntries(Object.entries(file.services).map(([name, settings]) => [name, serviceOf(settings)]));
}

function serviceOf(settings: Settings): Service {
  const { profiles, image, build, restart: _restart, stop_grace_period, environment, ...rest } = settings;
  const flags = [
    `--stop-timeout=${Number.parseInt(String(stop_grace_period), 10)}`,
    ...Object.entries((environment ?? {}) as Settings).map(([name, value]) => `--env=${name}=${String(value)}`),
    ...Object.entries(rest).flatMap(([name, value]) => flagsOf(name, value)),
  ];
  return { profiles: listOf(profiles), image: String(image), target: String((build as Settings).target), flags };
}

const flagNames: Readonly<Record<string, string>> = {
  ports: "publish",
  volumes: "volume",
  cap_drop: "cap-drop",
  security_opt: "security-opt",
  devices: "device",
  group_add: "group-add",
  extra_hosts: "add-host",
  mem_limit: "memory",
  pids_limit: "pids-limit",
};

function flagsOf(name: string, value: unknown): readonly string[] {
  if (name === "read_only") return value === true ? ["--read-only"] : [];
  const flag = flagNames[name];
  if (flag === undefined) throw new Error(`compose.yaml has ${name}, of which this test knows no flag`);
  return listOf(value).map((text) => `--${flag}=${text}`);
}

function listOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map(String);
}
