import { expect, test } from "bun:test";
import { parseRegistryUrl, shownAddress } from "../../src/cluster/registry/url.ts";

const parsed = (url: string) => {
  const address = parseRegistryUrl(url);
  if ("problem" in address) throw new Error(address.problem);
  return address;
};

test.each([
  ["redis://cache", "redis://cache:6379", { kind: "server", database: 0, isTls: false, password: undefined }],
  [
    "REDISS://u:p%40s@[::1]:7000/3",
    "rediss://[::1]:7000",
    { username: "u", password: "p@s", database: 3, isTls: true },
  ],
  ["redis://:secret@10.0.0.1", "redis://10.0.0.1:6379", { username: undefined, password: "secret" }],
  [
    "redis+sentinel://:secret@a,b:26380/main/2?sentinel-password=s2",
    "redis+sentinel://a:26379,b:26380/main",
    { kind: "sentinel", group: "main", database: 2, password: "secret", sentinelPassword: "s2" },
  ],
  ["rediss+cluster://a:1,b,c:3", "rediss+cluster://a:1,b:6379,c:3", { kind: "cluster", isTls: true }],
])("%s is understood, and shown without its secrets", (url, shown, wanted) => {
  const address = parsed(url);
  expect(address).toMatchObject(wanted);
  expect(shownAddress(address)).toBe(shown);
});

test.each([
  ["http://cache", "form"],
  ["redis://", "form"],
  ["redis://a:99999", "a:99999"],
  ["redis://a,b", "several hosts"],
  ["redis+sentinel://a", "group"],
  ["redis+cluster://a/1", "numbered"],
  ["redis://a/x", "database"],
  ["redis://a/1/2", "database"],
  ["redis://a?db=1", "db"],
  ["redis://u:%zz@a", "percent-encoded"],
])("%s is refused, and it is said why", (url, why) => {
  expect(parseRegistryUrl(url)).toEqual({ problem: expect.stringContaining(why) });
});

test("what is wrong is said without the password", () => {
  for (const url of [
    "redis://u:s3cr3t@a:99999",
    "redis://u:s3cr3t@a,b",
    "redis://u:s3cr3t@",
    "redis://s3cr3t%zz@a",
    "redis://u:s3cr3t/x@a",
  ]) {
    expect(JSON.stringify(parseRegistryUrl(url))).not.toContain("s3cr3t");
  }
});
