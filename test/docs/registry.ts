// Which test runs which fenced command of the documents, by the document and the block's name; or why none can.

/** `by`: a test file that names the block. `why`: what keeps it from being run, as a reader would accept it. */
export type Entry = { readonly by: string } | { readonly why: string };

const images = { by: "test/docker/images.test.ts" };

export const registry: Readonly<Record<string, Readonly<Record<string, Entry>>>> = {
  "README.md": {},
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
};
