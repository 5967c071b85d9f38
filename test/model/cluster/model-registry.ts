// The registry of a walk: the product's scripts in a real redis-server, by the walk's time instead of its own, on ways that can be cut. It can stand still,
// and lose all that it has.

import { Redis } from "ioredis";
import { RegistryUnreachable } from "../../../src/cluster/port.ts";
import type { Connection, ConnectionOptions } from "../../../src/cluster/registry/connection.ts";
import type { Script } from "../../../src/cluster/registry/scripts.ts";
import type { Random } from "../random.ts";
import type { Net, Place } from "./net.ts";

export const registryHost = "registry";

/** What a script has of the server it runs in that no seed repeats: its time and its dice. */
const prelude = `
local modelMs = tonumber(table.remove(ARGV, 1))
local real = redis
local function some(key, most)
  local all = real.call("ZRANGE", key, 0, -1)
  local found = {}
  for i = 1, math.min(most, #all) do found[i] = all[(modelMs + i) % #all + 1] end
  return found
end
local function fields(key, most, withValues)
  local row, all = real.call("HGETALL", key), {}
  for i = 1, #row, 2 do all[#all + 1] = { row[i], row[i + 1] } end
  table.sort(all, function(a, b) return a[1] < b[1] end)
  local found = {}
  for i = 1, math.min(most, #all) do
    found[#found + 1] = all[i][1]
    if withValues then found[#found + 1] = all[i][2] end
  end
  return found
end
local redis = setmetatable({
  call = function(command, key, ...)
    if command == "TIME" then return { tostring(math.floor(modelMs / 1000)), tostring(modelMs % 1000 * 1000) } end
    if command == "ZRANDMEMBER" then return some(key, ...) end
    if command == "HRANDFIELD" then return fields(key, ...) end
    return real.call(command, key, ...)
  end,
}, { __index = real })
`;

/** Told of each answer of a script, as it reaches who has asked. */
export type OnAnswer = (script: Script, answer: unknown) => void;

export class ModelRegistry implements Disposable {
  readonly #client: Redis;
  readonly #net: Net;
  readonly #random: Random;
  readonly #digests = new Map<string, Promise<string>>();
  /** Called when a process can ask again. */
  readonly #backs = new Map<Place["clock"], () => void>();
  /** Told of each script that was carried out, whoever hears of it. */
  onCarriedOut: (script: Script, args: readonly (string | number)[], answer: unknown) => void = () => undefined;
  #isPaused = false;
  #isDown = false;
  /** Calls that have come while it stood still. */
  #waiting: (() => void)[] = [];

  constructor(port: number, net: Net, random: Random) {
    this.#client = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: 0 });
    this.#net = net;
    this.#random = random;
  }

  get isDisturbed(): boolean {
    return this.#isPaused || this.#isDown;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What has come meanwhile is carried out, whoever waits for it or not. */
  resume(): void {
    this.#isPaused = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** It is killed, and all that it had is gone. */
  async kill(): Promise<void> {
    this.#isDown = true;
    this.#waiting = [];
    await this.flush();
  }

  start(): void {
    this.#isDown = false;
    for (const back of this.#backs.values()) back();
    this.#net.hasChanged();
  }

  async flush(): Promise<void> {
    await this.#busy(this.#client.flushall());
  }

  /** What a command answers, of the cluster's own keys. */
  command(name: string, ...words: readonly string[]): Promise<unknown> {
    return this.#busy(this.#client.call(name, ...words));
  }

  /** The way was mended. */
  isBackFor({ clock }: Pick<Place, "clock">): void {
    this.#backs.get(clock)?.();
  }

  /** Of one process: in the place of `connect`. */
  connectTo(place: Pick<Place, "host" | "clock" | "gone">, onAnswer: OnAnswer) {
    return async ({ timeoutMs, onReady }: ConnectionOptions): Promise<Connection> => {
      this.#backs.set(place.clock, onReady);
      place.gone.addEventListener("abort", () => this.#backs.delete(place.clock));
      return {
        run: (script, key, args) => this.#run(place, onAnswer, timeoutMs, script, key, args),
        probe: () => undefined,
        [Symbol.asyncDispose]: async () => void this.#backs.delete(place.clock),
      };
    };
  }

  async #run(
    place: Pick<Place, "host" | "clock" | "gone">,
    onAnswer: OnAnswer,
    timeoutMs: number,
    script: Script,
    key: string,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const net = this.#net;
    await net.running(place);
    const time = new AbortController();
    const isCut = () => net.isCut(place.host, registryHost);
    const answered = async (): Promise<unknown> => {
      // Where the way is cut, it is lost on the way there or on the way back.
      if (this.#isDown || (isCut() && this.#random.below(2) === 0)) return await new Promise(() => undefined);
      const answer = await this.#ask(script, key, args);
      await net.running(place);
      if (isCut()) return await new Promise(() => undefined);
      onAnswer(script, answer);
      return answer;
    };
    const late = place.clock.sleep(timeoutMs, time.signal).then(() => {
      throw new RegistryUnreachable("the registry of the walk does not answer");
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([answered(), late]);
    } finally {
      time.abort();
    }
  }

  async #ask(script: Script, key: string, args: readonly (string | number)[]): Promise<unknown> {
    if (this.#isPaused) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const { source } = script;
    let digest = this.#digests.get(source);
    if (digest === undefined) {
      digest = this.#busy(this.#client.script("LOAD", prelude + source)).then(String);
      this.#digests.set(source, digest);
    }
    const answer = await this.#busy(this.#client.evalsha(await digest, 1, key, this.#net.time.nowMs, ...args));
    this.onCarriedOut(script, args, answer);
    return answer;
  }

  async #busy<T>(asked: Promise<T>): Promise<T> {
    const { time } = this.#net;
    time.underWay += 1;
    try {
      return await asked;
    } finally {
      time.underWay -= 1;
    }
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
  }
}
