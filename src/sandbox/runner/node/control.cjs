// The control thread: reads control-in, has what is written to a run, answers for what runs beside the interpreter, and ends code that does not return
// to the event loop.

const { openBeside } = require("./beside.cjs");
const { endInput, openInput, writeInput } = require("./input.cjs");

const CONTROL_OUT = 3;
const CONTROL_IN = 4;
// How long an interrupted event loop has to answer before its code is terminated, and between attempts.
const BUSY_MS = 40;
const AGAIN_MS = 100;
// The same for an interrupt that the code may have its own answer to.
const BUSY_ONCE_MS = 500;
// Shared by both threads: the number of the run that is on (0 for none), the last ping that the main thread has answered, how many interrupts it
// has left to the user's code, who writes to control-out (1 for the main thread, 2 for this one), and the run whose code is being terminated.
const RUNNING = 0;
const PONG = 1;
const HEEDED = 2;
const SPEAKING = 3;
const TERMINATED = 4;

async function readControl() {
  // Not at the top, as the main thread needs none of them.
  const fs = require("node:fs");
  const inspector = require("node:inspector");
  const net = require("node:net");
  const timersPromises = require("node:timers/promises");
  const { parentPort, receiveMessageOnPort, workerData } = require("node:worker_threads");
  const shared = new Int32Array(workerData.shared);
  const session = new inspector.Session();
  session.connectToMainThread();
  const pause = timersPromises.setTimeout;
  // What the main thread has read, and the request of it that it has begun to run.
  const first = await new Promise((resolve) => parentPort.once("message", resolve));
  let pending = "";
  let seq = first.seq;
  let latestId = first.id;
  let wasInterrupted = false;
  let input = null;
  let pings = 0;
  // Of the eraser of types, as it comes.
  let pieces = [];
  const decoder = new TextDecoder();
  const beside = openBeside(workerData.places, say, (message) => parentPort.postMessage(message));
  parentPort.on("message", hearMain);
  // A blocking read would keep the process from ending (`process.reallyExit`): it waits for its threads. Before a first run has an input: a thread's
  // first stream opens a file, which must not get the number that the main thread wants for that.
  const controlIn = new net.Socket({ fd: CONTROL_IN, readable: true, writable: false });
  await take(first.rest);
  for await (const chunk of controlIn) await take(chunk);
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
      } else if (message.moment !== undefined) {
        beside.moment(message.moment);
      } else if (message.look !== undefined) {
        // What the main thread has said before its last answer.
        for (let said = receiveMessageOnPort(parentPort); said; said = receiveMessageOnPort(parentPort))
          hearMain(said.message);
        beside.look(message);
      } else if (message.typescript !== undefined) {
        pieces.push(message.typescript);
        if (message.more) continue;
        parentPort.postMessage({ typescript: message.typescript === null ? null : pieces.join("") });
        pieces = [];
      } else if (message.input !== undefined) {
        if (input?.id === message.input) writeInput(input, message.number, message.text);
      } else if (message.close_input !== undefined) {
        if (input?.id === message.close_input) endInput(input);
      } else if (message.interrupt === undefined) {
        // What an interrupted run has left behind may have begun to compute since.
        if (wasInterrupted) await interrupt();
        wasInterrupted = false;
        latestId = message.id;
        seq += 1;
        input =
          message.stdin === true
            ? await openInput(message.id, (number) => say({ id: message.id, taken: number }))
            : null;
        parentPort.postMessage({ seq, request: message, stdin: input?.readEnd ?? null });
      } else if (message.interrupt === latestId) {
        if (!(await interrupt(message.once === true))) wasInterrupted = true;
      }
    }
  }

  function hearMain({ over, told }) {
    if (told !== undefined) beside.heard(told);
    else if (input !== null && input.id === over) endInput(input);
  }

  function say(message) {
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    while (Atomics.compareExchange(shared, SPEAKING, 0, 2) !== 0) Atomics.wait(shared, SPEAKING, 1, 1);
    for (let at = 0; at < line.length; ) {
      try {
        at += fs.writeSync(CONTROL_OUT, line, at);
      } catch (error) {
        // A child that shares the pipe may have made it non-blocking.
        if (error.code !== "EAGAIN") throw error;
        Atomics.wait(shared, SPEAKING, 2, 1);
      }
    }
    Atomics.store(shared, SPEAKING, 0);
  }

  // Returns once the run is over and the main thread answers with no termination under way: one that found nothing to end would hit
  // the next code that runs, which is to be a ping and not the next request. Until then no further line is read. With `once`, also when the
  // user's code has an answer of its own, which may be to go on: true then.
  async function interrupt(once = false) {
    const target = seq;
    const heeded = Atomics.load(shared, HEEDED);
    const isHeeded = () => Atomics.load(shared, HEEDED) !== heeded;
    let terminations = 0;
    let waitMs = once ? BUSY_ONCE_MS : BUSY_MS;
    parentPort.postMessage({ interrupt: target, forced: false, once });
    while (!(await isQuiet())) {
      waitMs = AGAIN_MS;
      terminations += 1;
      // Before the main thread hears of it, which may find itself without work first.
      Atomics.store(shared, TERMINATED, target);
      session.post("Runtime.terminateExecution", () => {
        terminations -= 1;
      });
      parentPort.postMessage({ interrupt: target, forced: true });
    }
    return isHeeded();

    async function isQuiet() {
      let decisive = null;
      for (let waited = 0; waited < waitMs; waited += 2) {
        pings += 1;
        parentPort.postMessage({ ping: pings });
        if (terminations === 0) decisive ??= pings;
        await pause(2);
        const isAnswered = decisive !== null && Atomics.load(shared, PONG) >= decisive;
        if (isAnswered && (Atomics.load(shared, RUNNING) !== target || isHeeded())) return true;
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

module.exports = { CONTROL_IN, CONTROL_OUT, HEEDED, PONG, RUNNING, SPEAKING, TERMINATED, readControl, parse };
