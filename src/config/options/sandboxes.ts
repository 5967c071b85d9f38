// What sandboxes are made of, where they run, and what they may reach.

import { defaultFlavors, type Flavors, flavorNames } from "../../sandbox/flavors.ts";
import type { InterpreterPaths } from "../../sandbox/interpreter-paths.ts";
import { type OuterProxy, parseOuterProxy } from "../../sandbox/outer-proxy.ts";
import type { PackageIndexes } from "../../sandbox/packages.ts";
import { defaultTemplates, type Template } from "../../sandbox/templates.ts";
import { httpUrl } from "../addresses.ts";
import { secret } from "../credentials.ts";
import { choice, path, seconds, volumes } from "../kinds.ts";
import { poolShares } from "../pool.ts";
import {
  archiveFile,
  flavorSizes,
  interpreterPaths,
  networkPolicy,
  outerProxy,
  packageIndexes,
  secretBindings,
  templatesFile,
} from "../sandboxes.ts";
import { noneByDefault, type Option, optional, withDefault } from "./option.ts";

export const sandboxesOptions = {
  backend: withDefault("auto", {
    flag: "--backend",
    variable: "MCP_SANDBOX_BACKEND",
    group: "Sandboxes",
    summary: "What makes the sandboxes",
    kind: choice(["auto", "server", "microvm", "cloud", "namespace"]),
  }),
  serverUrl: withDefault("http://127.0.0.1:5555", {
    flag: "--server-url",
    variable: "MSB_SERVER_URL",
    group: "Sandboxes",
    summary: "The microsandbox server of the server backend",
    kind: httpUrl,
  }),
  apiKey: optional({
    flag: undefined,
    variable: "MSB_API_KEY",
    group: "Sandboxes",
    summary: "Key for the microsandbox server; no flag, so that it stays out of process lists",
    kind: secret,
  }),
  runtimeDir: {
    flag: "--runtime-dir",
    variable: "MSB_MCP_RUNTIME_DIR",
    group: "Sandboxes",
    summary: "Folder that the microVM runtime is unpacked to, or, for a build without one, where one is installed",
    kind: path,
    fallback: ({ cacheHome, homeDir }) => `${cacheHome ?? `${homeDir}/.cache`}/msb-mcp`,
    fallbackShown: "$XDG_CACHE_HOME/msb-mcp or ~/.cache/msb-mcp; ~/.microsandbox for a build without a runtime",
  } satisfies Option<string>,
  runtimeHome: {
    flag: undefined,
    variable: "MSB_HOME",
    group: "Sandboxes",
    summary: "Folder in which the microVM runtime keeps images and sandboxes; its own variable",
    kind: path,
    fallback: ({ homeDir }) => `${homeDir}/.microsandbox`,
    fallbackShown: "~/.microsandbox",
  } satisfies Option<string>,
  defaultFlavor: withDefault("small", {
    flag: "--default-flavor",
    variable: "MSB_DEFAULT_FLAVOR",
    group: "Sandboxes",
    summary: "Size of the sandbox when a call names none",
    kind: choice(flavorNames),
  }),
  flavors: {
    flag: "--flavor",
    variable: "MSB_MCP_FLAVORS",
    group: "Sandboxes",
    summary: "Other sizes than the usual: small=1:1024, medium=2:2048, large=4:4096",
    kind: flavorSizes,
    fallback: () => defaultFlavors,
    fallbackShown: undefined,
  } satisfies Option<Flavors>,
  templates: {
    flag: "--templates",
    variable: "MSB_MCP_TEMPLATES",
    group: "Sandboxes",
    summary: "File that adds templates to the default ones, or changes them",
    kind: templatesFile,
    fallback: () => defaultTemplates,
    fallbackShown: "python, node, bash",
  } satisfies Option<readonly Template[]>,
  interpreters: {
    flag: "--interpreter",
    variable: "MSB_MCP_INTERPRETERS",
    group: "Sandboxes",
    summary: "Which Python or Node.js of this machine sandboxes use (namespace backend)",
    kind: interpreterPaths,
    fallback: () => ({}),
    fallbackShown: "the first in /usr/local/bin, /usr/bin and /bin",
  } satisfies Option<InterpreterPaths>,
  packageIndexes: {
    flag: "--package-index",
    variable: "MSB_MCP_PACKAGE_INDEXES",
    group: "Sandboxes",
    summary: "Where the packages of templates come from, instead of the public registries",
    kind: packageIndexes,
    fallback: () => ({}),
    fallbackShown: undefined,
  } satisfies Option<PackageIndexes>,
  imagesArchive: optional({
    flag: "--images-archive",
    variable: "MSB_MCP_IMAGES_ARCHIVE",
    group: "Sandboxes",
    summary: "Archive of docker save whose images serve for templates before a registry is asked (microvm backend)",
    kind: archiveFile,
  }),
  network: withDefault("none", {
    flag: "--network",
    variable: "MSB_MCP_NETWORK",
    group: "Sandboxes",
    summary: "Whom sandboxes may reach (microvm and namespace backends)",
    kind: networkPolicy,
  }),
  networkProxy: {
    flag: "--network-proxy",
    variable: "MSB_MCP_NETWORK_PROXY",
    group: "Sandboxes",
    summary: "Proxy through which namespace sandboxes reach the internet",
    kind: outerProxy,
    // Whoever runs behind one has told all programs so.
    fallback: ({ variable }) => parseOuterProxy(variable("HTTPS_PROXY") ?? variable("https_proxy") ?? ""),
    fallbackShown: "the variable HTTPS_PROXY",
  } satisfies Option<OuterProxy | undefined>,
  secrets: noneByDefault({
    flag: "--secret",
    variable: "MSB_MCP_SECRETS",
    group: "Sandboxes",
    summary: "Key that sandboxes use for one host without having it (microvm backend)",
    kind: secretBindings,
  }),
  pool: noneByDefault({
    flag: "--pool",
    variable: "MSB_MCP_POOL",
    group: "Sandboxes",
    summary: "Sandboxes to have ready before anybody asks, as far as there is room",
    kind: poolShares,
  }),
  sharedVolumes: noneByDefault({
    flag: "--shared-volume",
    variable: "MSB_SHARED_VOLUME_PATH",
    group: "Sandboxes",
    summary: "Folder of this machine that every sandbox sees",
    kind: volumes,
  }),
  sessionTimeoutMs: withDefault("1800", {
    flag: "--session-timeout",
    variable: "MSB_SESSION_TIMEOUT",
    group: "Sandboxes",
    summary: "How long a session may be idle",
    kind: seconds(1, 31_536_000),
  }),
  cleanupIntervalMs: withDefault("60", {
    flag: "--cleanup-interval",
    variable: "MSB_CLEANUP_INTERVAL",
    group: "Sandboxes",
    summary: "How often idle sessions are looked for; less than the session timeout",
    kind: seconds(1, 86_400),
  }),
  orphanCleanupIntervalMs: withDefault("600", {
    flag: "--orphan-cleanup-interval",
    variable: "MSB_ORPHAN_CLEANUP_INTERVAL",
    group: "Sandboxes",
    summary:
      "How often sandboxes of this installation that no session has are looked for; the first time is at the start",
    kind: seconds(1, 86_400),
  }),
  executionTimeoutMs: withDefault("300", {
    flag: "--execution-timeout",
    variable: "MSB_EXECUTION_TIMEOUT",
    group: "Sandboxes",
    summary: "How long a call that names no timeout may run",
    kind: seconds(1, 86_400),
  }),
  maxExecutionTimeoutMs: withDefault("86400", {
    flag: "--max-execution-timeout",
    variable: "MSB_MAX_EXECUTION_TIMEOUT",
    group: "Sandboxes",
    summary: "The longest timeout that a call may name",
    kind: seconds(1, 86_400),
  }),
  executionWaitMs: withDefault("50", {
    flag: "--execution-wait",
    variable: "MSB_EXECUTION_WAIT",
    group: "Sandboxes",
    summary: "How long a call of an MCP client waits for its run, which then goes on; bare JSON-RPC waits to the end",
    kind: seconds(0, 86_400),
  }),
  sandboxStartTimeoutMs: withDefault("180", {
    flag: "--sandbox-start-timeout",
    variable: "MSB_SANDBOX_START_TIMEOUT",
    group: "Sandboxes",
    summary: "How long a sandbox may take to start",
    kind: seconds(1, 3600),
  }),
} as const;
