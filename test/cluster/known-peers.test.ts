// Which other nodes a heartbeat is handed to, and what comes of it.

import { expect, test } from "bun:test";
import { type AskPeer, KnownPeers } from "../../src/cluster/known-peers.ts";
import type { PeerAddress, Renewal } from "../../src/cluster/port.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";

const renewed: Renewal = { outcome: "renewed", isToDrain: false };
const load = { sessions: 0, maxSessions: 9, memoryMib: 0, maxMemoryMib: undefined, waiting: 0, ahead: {} };
const renewing = { id: "aaaaa", epoch: 1, load, isDraining: false };
const never = new AbortController().signal;

const peer = (id: string): PeerAddress => ({ id, address: `http://${id}.test`, epoch: 1 });

function known(askPeer: AskPeer, clock = new FakeClock()): KnownPeers {
  return new KnownPeers({ askPeer, clock, timeoutMs: 5000 });
}

test.each([
  ["alone", [], []],
  ["no-peer-reached", ["b", "c"], [undefined, undefined]],
  ["registry-unreachable", ["b", "c"], [undefined, "registry-unreachable"]],
  ["renewed", ["b", "c"], ["registry-unreachable", renewed]],
  ["renewed", ["b", "c"], [renewed, undefined]],
] as const)("%#: the answer is %s", async (wanted, ids, answers) => {
  const peers = known(async ({ id }) => {
    const answer = answers[ids.join("").indexOf(id)];
    if (answer === undefined) throw new Error("refused");
    return answer;
  });
  peers.learn(ids.map(peer));
  const answer = await peers.handOn(renewing, never);
  expect(typeof answer === "string" ? answer : answer.outcome).toBe(wanted);
});

test("a node that does not answer is waited for no longer than it may take, and is then left alone", async () => {
  const clock = new FakeClock();
  let left = false;
  const peers = known(
    (_peer, _renewing, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          left = true;
          reject(signal.reason);
        });
      }),
    clock,
  );
  peers.learn([peer("b")]);
  const answer = peers.handOn(renewing, never);
  await settle();
  await clock.advance(5000);
  expect([await answer, left, clock.sleeping]).toEqual(["no-peer-reached", true, 0]);
});

test("at most 8 are asked at once, those that were named last", async () => {
  const asked: string[] = [];
  const peers = known(async ({ id }) => {
    asked.push(id);
    throw new Error("refused");
  });
  for (let i = 0; i < 40; i++) peers.learn([peer(`n${i}`)]);
  peers.learn(Array.from({ length: 9 }, (_, i) => peer(`last${i}`)));
  await peers.handOn(renewing, never);
  expect(asked.sort()).toEqual(Array.from({ length: 8 }, (_, i) => `last${i + 1}`));
});

test("a node that is no longer named is forgotten", async () => {
  const peers = known(async () => renewed);
  peers.learn([peer("b")]);
  for (let i = 0; i < 5; i++) peers.learn([]);
  expect(await peers.handOn(renewing, never)).toEqual(renewed);
  peers.learn([]);
  expect(await peers.handOn(renewing, never)).toBe("alone");
});
