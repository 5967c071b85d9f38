// Which test runs which fenced command of the documents, by the document and the block's name; or why none can. One line each, sorted.

/** `by`: a test file that names the block. `why`: what keeps it from being run, as a reader would accept it. */
export type Entry = { readonly by: string } | { readonly why: string };

const images = { by: "test/docker/images.test.ts" };
const commands = { by: "test/docs/commands.test.ts" };
const proxies = { by: "test/docs/proxies.test.ts" };
const balancers = { by: "test/docs/balancers.test.ts" };
const files = { by: "test/docs/files.test.ts" };
const notPublished = "it downloads what only a published release has; the same files are tried from a local server";
const clients = { by: "test/commands/install/docs.test.ts" };

export const registry: Readonly<Record<string, Readonly<Record<string, Entry>>>> = {
  "README.md": {
    "readme-build": { why: "it builds for a minute or more into the clone itself; test/binary runs what is built" },
    "readme-connect": clients,
    "readme-curl": commands,
    "readme-docker-call": images,
    "readme-docker": { why: "it downloads images from a registry; docker-run-full is run instead" },
    "readme-published": { why: notPublished },
    "readme-run": commands,
    "readme-uninstall": commands,
  },
  "docs/access.md": {
    "access-caddy": proxies,
    "access-call": commands,
    "access-cors": commands,
    "access-first-token": commands,
    "access-nginx": proxies,
    "access-oauth": commands,
    "access-proxied": commands,
    "access-token-file": commands,
    "access-tokens": commands,
  },
  "docs/backends.md": {
    "backends-archive": commands,
    "backends-doctor": { by: "test/commands/doctor/doctor.test.ts" },
    "backends-interpreter": { by: "test/sandbox/namespace/interpreters.test.ts" },
    "backends-namespace": { why: "it changes the machine; that scripts/setup.sh installs the same is tested" },
    "backends-pull": {
      why: "it takes images from a registry, which a test has not; test/live/inside takes them from an archive",
    },
    "backends-runtime": commands,
    "backends-stub": commands,
    "backends-templates": { by: "test/config/sandboxes.test.ts" },
  },
  "docs/cluster.md": {
    "cluster-caddy": balancers,
    "cluster-drain": {
      why: "it takes a node of a running cluster out of service; test/commands/cluster.test.ts tries both",
    },
    "cluster-envoy": balancers,
    "cluster-haproxy": balancers,
    "cluster-nginx": balancers,
    "cluster-node": {
      why: "it takes the three machines of the example; scripts/load/cluster.ts starts the same on one",
    },
    "cluster-registry": {
      why: "it listens on the address of the example; scripts/load/cluster.ts starts the same on loopback",
    },
    "cluster-secret": balancers,
  },
  "docs/kubernetes.md": {
    "kubernetes-install": {
      why: "it needs a Kubernetes cluster; test/packages/chart.test.ts renders the chart and validates it",
    },
  },
  "docs/packages.md": {
    "packages-index": { by: "test/commands/pull-packages.test.ts" },
    "packages-pull": { by: "test/commands/pull-packages.test.ts" },
    "packages-templates": { by: "test/config/sandboxes.test.ts" },
  },
  "docs/clients.md": {
    "clients-claude": clients,
    "clients-claude-desktop": clients,
    "clients-codex": clients,
    "clients-cursor": clients,
    "clients-gemini": clients,
    "clients-install": clients,
    "clients-look": clients,
    "clients-opencode": clients,
    "clients-project": clients,
    "clients-stdio": clients,
    "clients-token": clients,
    "clients-uninstall": clients,
    "clients-url": clients,
    "clients-vscode": clients,
    "clients-windsurf": clients,
    "clients-zed": clients,
  },
  "docs/develop.md": {
    "develop-docs": commands,
    "develop-part": { why: "it is a part of the run that this test is in" },
    "develop-test": { why: "it is the run that this test is in" },
  },
  "docs/docker.md": {
    "docker-build": { why: "it downloads images from a registry; docker-build-binary builds from the same file" },
    "docker-build-binary": images,
    "docker-call": images,
    "docker-compose": { why: "Debian 12 has no compose plugin; the test starts the service with the same settings" },
    "docker-health": images,
    "docker-profile": images,
    "docker-remove": images,
    "docker-restart": images,
    "docker-run-full": images,
    "docker-run-microvm": images,
    "docker-run-server": images,
    "docker-stdio": images,
  },
  "docs/languages.md": { "languages-bash": { by: "test/docs/languages.test.ts" } },
  "docs/pictures.md": {
    "pictures-file": commands,
  },
  "docs/service.md": {
    "service-completions-bash": { by: "test/commands/completions.test.ts" },
    "service-completions-fish": { by: "test/commands/completions.test.ts" },
    "service-completions-zsh": { by: "test/commands/completions.test.ts" },
    "service-homebrew": { why: "it requires Homebrew and a published release; the formula is read by Ruby" },
    "service-kubernetes": { why: "it requires a cluster; the manifest is checked by Kubernetes' own schemas" },
    "service-launchd": { why: "it requires macOS; the agent is read by a parser of property lists" },
    "service-launchd-stop": { why: "it requires macOS" },
    "service-systemd": { why: "it requires a machine that systemd has started; systemd-analyze reads the unit" },
    "service-systemd-remove": { why: "it requires a machine that systemd has started" },
    "service-systemd-settings": { why: "it requires a machine that systemd has started" },
  },
  "docs/executions.md": {
    "executions-functions": { by: "test/docs/executions.test.ts" },
    "executions-look": { by: "test/docs/executions.test.ts" },
    "executions-prompt": { by: "test/docs/executions.test.ts" },
    "executions-search": { by: "test/docs/executions.test.ts" },
    "executions-server": { by: "test/docs/executions.test.ts" },
  },
  "docs/file-tools.md": {
    "file-tools-edit": { by: "test/docs/file-tools.test.ts" },
    "file-tools-functions": { by: "test/docs/file-tools.test.ts" },
  },
  "docs/files.md": {
    "files-folders": files,
    "files-functions": files,
    "files-named": files,
    "files-signed": files,
    "files-stdio": files,
  },
  "docs/network.md": {
    "network-packages": commands,
    "network-secret": commands,
  },
  "docs/operate.md": {
    "operate-audit": commands,
    "operate-health": commands,
  },
  "docs/sessions.md": {
    "sessions-pool": commands,
  },
};
