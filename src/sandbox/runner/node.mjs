// The Node runner: an interpreter that keeps its state, spoken to in lines of JSON as the Python runner is (see python/main.py). This file starts it and
// is its second thread, which reads control-in and ends code that does not return to the event loop; node-main.cjs runs the sources.
//
// Descriptors at the start: 0 empty, 1 and 2 the user's, 3 control-out, 4 control-in, 5 and 6 duplicates of 1 and 2 for the marks (Node
// cannot duplicate descriptors; it makes them all close-on-exec by itself). Standard library only, Node 18 and later.

import asyncHooks from "node:async_hooks";
import fs from "node:fs";
import inspector from "node:inspector";
import moduleModule from "node:module";
import net from "node:net";
import path from "node:path";
import process from "node:process";
import { Writable } from "node:stream";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { pathToFileURL } from "node:url";
import util from "node:util";
import { promiseHooks } from "node:v8";
import vm from "node:vm";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

// programs.ts puts the text of that file here.
const MAIN = "node-main.cjs";
const CONTROL_IN = 4;
// How long an interrupted event loop has to answer before its code is terminated, and between attempts.
const BUSY_MS = 40;
const AGAIN_MS = 100;
// Shared by both threads: the number of the run that is on (0 for none), and the last ping that the main thread has answered.
const RUNNING = 0;
const PONG = 1;

/** The main thread's side in a realm of its own: what the user makes of the builtins of this one is nothing to it. */
function serve() {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const startControl = () =>
    new Worker(new URL(import.meta.url), { workerData: shared.buffer, execArgv: [], argv: [] });
  const importFrom = (specifier) => import(specifier);
  const modules = {
    ...{
      asyncHooks,
      fs,
      inspector,
      moduleModule,
      path,
      pathToFileURL,
      process,
      promiseHooks,
      timers,
      timersPromises,
      util,
      vm,
      Writable,
    },
  };
  const own = { url: import.meta.url, RUNNING, PONG, shared, startControl, importFrom };
  vm.runInContext(MAIN, vm.createContext(), { filename: import.meta.url })({ ...modules, ...own, world: globalThis });
}

// The control thread

async function listen() {
  const shared = new Int32Array(workerData);
  const session = new inspector.Session();
  session.connectToMainThread();
  const pause = timersPromises.setTimeout;
  let pending = "";
  let seq = 0;
  let latestId = null;
  let wasInterrupted = false;
  let pings = 0;
  const decoder = new TextDecoder();
  // A blocking read would keep the process from ending (`process.reallyExit`): it waits for its threads.
  for await (const chunk of new net.Socket({ fd: CONTROL_IN, readable: true, writable: false })) {
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
  process.kill(process.pid, "SIGKILL");

  // A line that is not JSON is what somebody who went away had begun to say.
  function parse(line) {
    try {
      return JSON.parse(line);
    } catch {
      return null;
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

if (isMainThread) serve();
else void listen();
