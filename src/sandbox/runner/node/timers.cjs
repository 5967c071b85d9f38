// The user's timers, each of which belongs to the run that has set it.

const {
  UsersPromise,
  clearImmediate,
  clearTimeout,
  given,
  timers,
  timersPromises,
  util,
  world,
} = require("./references.cjs");
const { state } = require("./state.cjs");

function trackTimers() {
  for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
    const original = timers[name];
    const { [name]: tracked } = {
      [name](...args) {
        const timer = Reflect.apply(original, this, args);
        if (state.current !== null) track(state.current, timer);
        return timer;
      },
    };
    given(tracked);
    const custom = name === "setTimeout" ? sleep : original[util.promisify.custom];
    Object.defineProperty(tracked, util.promisify.custom, { value: custom, enumerable: true, configurable: true });
    timers[name] = tracked;
    world[name] = tracked;
  }
  const originalSleep = timersPromises.setTimeout;
  given(sleep);
  function sleep(ms, value, options) {
    if (options !== undefined) return originalSleep(ms, value, options);
    return new UsersPromise((resolve) => timers.setTimeout(resolve, ms, value));
  }
  timersPromises.setTimeout = sleep;
}

function track(run, timer) {
  run.timers.add(timer);
  if (run.timers.size < run.timersLimit) return;
  for (const old of run.timers) if (old._destroyed) run.timers.delete(old);
  run.timersLimit = run.timers.size * 2 + 1000;
}

function clearTimers(run) {
  for (const timer of run.timers) {
    if ("_onImmediate" in timer) clearImmediate(timer);
    else clearTimeout(timer);
  }
  run.timers.clear();
}

module.exports = { clearTimers, trackTimers };
