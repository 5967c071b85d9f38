// Ten sessions on one machine, of 128 MB each: what happens to one is nothing to the others.

import { expect, test } from "bun:test";
import { forkBomb } from "../../programs/shell.ts";
import { machines } from "./host.ts";
import { type Reply, sessionOf, start, stdoutOf } from "./server.ts";

test("of ten sessions at once all answer, and what one does to itself leaves the other nine unharmed", async () => {
  await using server = await start({ flags: ["--flavor", "small=1:128", "--max-sessions", "10"] });
  // Booted one after the other: an emulated processor that boots ten at once is ready with none in time.
  const ids: string[] = [];
  while (ids.length < 10) ids.push(sessionOf(await server.call("execute_code", { code: `mine = ${ids.length}` })));
  const all = await Promise.all(ids.map((session_id) => server.call("execute_code", { code: "mine", session_id })));
  expect(all.map(stdoutOf)).toEqual(ids.map((_, index) => `${index}\n`));
  const [killed = "", hungry = "", full = "", forking = "", ...others] = ids;
  const [name] = (await machines()).filter((machine) => machine.includes(killed));
  const run = (session_id: string, command: string) =>
    server.call("execute_command", { command, session_id, timeout: 20 });
  const [, hunger, fullness, forks] = await Promise.all([
    Bun.$`pkill -KILL -f ${`sandbox.*${name}`}`.nothrow().quiet(),
    run(hungry, "tail /dev/zero"),
    run(full, "dd if=/dev/zero of=/dev/shm/big bs=1M count=4096; rm /dev/shm/big"),
    run(forking, forkBomb),
  ]);
  const expectLost = async (session_id: string) =>
    expect((await server.call("execute_code", { code: "mine", session_id })).error?.message).toContain("was lost");
  const expectEnd = async (session_id: string, reply: Reply, ended: RegExp) => {
    console.info(reply.result?.structuredContent.ended ?? reply.error?.message);
    if (reply.result === undefined) await expectLost(session_id);
    else expect(reply.result.structuredContent.ended).toMatch(ended);
  };
  await expectLost(killed);
  await expectEnd(hungry, hunger, /^(out_of_memory|timed_out)$/);
  await expectEnd(forking, forks, /^(exited|timed_out|out_of_memory)$/);
  // In so small a guest what fills the disk, which is memory, may be ended for want of that.
  await expectEnd(full, fullness, /^(exited|timed_out|out_of_memory)$/);
  if (fullness.result?.structuredContent.ended === "exited") {
    expect(fullness.result.structuredContent.stderr).toContain("No space left on device");
  }
  const answers = await Promise.all(
    others.map((session_id) => server.call("execute_code", { code: "mine", session_id })),
  );
  expect(answers.map(stdoutOf)).toEqual(["4\n", "5\n", "6\n", "7\n", "8\n", "9\n"]);
}, 1_200_000);
