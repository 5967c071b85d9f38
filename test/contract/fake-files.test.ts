// The files of the fake's sandboxes keep the contract.

import { FakeDisk, fakeHome } from "../fakes/fake-disk.ts";
import { FakeFiles } from "../fakes/fake-files.ts";
import { describeFiles } from "./files-contract.ts";

const disk = new FakeDisk();
const files = new FakeFiles(disk);

describeFiles({
  name: "the fake's files",
  ground: async () => ({
    files,
    home: fakeHome,
    link: async (path, target) => disk.put(path, { link: target }),
    special: async (path) => disk.put(path, { other: true }),
  }),
});
