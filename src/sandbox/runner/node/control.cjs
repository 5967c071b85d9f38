// The control thread: reads control-in, and ends code that does not return to the event loop.

const CONTROL_IN = 4;
// How long an interrupted event loop has to answer before its code is terminated, and between attempts.
const BUSY_MS = 40;
const AGAIN_MS = 100;
// Shared by both threads: the number of the run that is on (0 for none), and the last ping that the main thread has answered.
const RUNNING = 0;
const PONG = 1;

async function readControl() {
  // Not at the top, as the main thread needs none of them.
  const inspector = require("node:inspector");
  const net = require("node:net");
  const timersPromises = require("node:timers/promises");
  const { parentPort, workerData } = require("node:worker_threads");
  const shared = new Int32Array(workerData);
  const session = new inspector.Session();
  session.connectToMainThread();
  const pause = timersPromises.setTimeout;
  // What the main thread has read, and the request of it that it has begun to run.
  const first = await new Promise((resolve) => parentPort.once("message", resolve));
  let pending = "";
  let seq = first.seq;
  let latestId = first.id;
  let wasInterrupted = false;
  let pings = 0;
  const decoder = new TextDecoder();
  await take(first.rest);
  // A blocking read would keep the process from ending (`process.reallyExit`): it waits for its threads.
  for await (const chunk of new net.Socket({ fd: CONTROL_IN, readable: true, writable: false })) await take(chunk);
  process.kill(process.pid, "SIGKILL");

  async function take(chunk) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = lines.pop();
    for (const line of lines) {
      const message = parse(line);
      if (message === null) continue;
      if (message.attach !== undefined) {
        if (Atomics.load(shared, RUNNING) !== 0) {
          await interrupt();
          wasInterrupted = true;
        }
        parentPort.postMessage({ attach: message.attach });
      } else if (message.interrupt === undefined) {
        // What an interrupted run has left behind may have begun to compute since.
        if (wasInterrupted) await interrupt();
        wasInterrupted = false;
        latestId = message.id;
        seq += 1;
        parentPort.postMessage({ seq, request: message });
      } else if (message.interrupt === latestId) {
        await interrupt();
        wasInterrupted = true;
      }
    }
  }

  // Returns once the run is over and the main thread answers with no termination under way: one that found nothing to end would hit
  // the next code that runs, which is to be a ping and not the next request. Until then no further line is read.
  async function interrupt() {
    const target = seq;
    let terminations = 0;
    let waitMs = BUSY_MS;
    parentPort.postMessage({ interrupt: target, forced: false });
    while (!(await isQuiet())) {
      waitMs = AGAIN_MS;
      terminations += 1;
      session.post("Runtime.terminateExecution", () => {
        terminations -= 1;
      });
      parentPort.postMessage({ interrupt: target, forced: true });
    }

    async function isQuiet() {
      let decisive = null;
      for (let waited = 0; waited < waitMs; waited += 2) {
        pings += 1;
        parentPort.postMessage({ ping: pings });
        if (terminations === 0) decisive ??= pings;
        await pause(2);
        const isAnswered = decisive !== null && Atomics.load(shared, PONG) >= decisive;
        if (isAnswered && Atomics.load(shared, RUNNING) !== target) return true;
      }
      return false;
    }
  }
}

/** A line that is not JSON is what somebody who went away had begun to say. */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

module.exports = { CONTROL_IN, PONG, RUNNING, readControl, parse };
