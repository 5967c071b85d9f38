// The main thread's looks for what a run of its own has changed. The text of looks/ is compiled when the first run ends.

const { Script, node, runInContext } = require("./references.cjs");
const { state } = require("./state.cjs");

// program.ts puts what looks/ takes of the names here in the place of this.
const takenByLooks = () => "taken by looks";
// The steps of the clock by which the kernel stamps files: that of 100 Hz has the longest.
const STEP_MS = 10;

const made = { looks: null };

function looks() {
  made.looks ??= Reflect.apply(runInContext, new Script(node.LOOKS, { filename: node.file }), [node.context])(
    takenByLooks(),
  );
  return made.looks;
}

/** When a run begins, and from which moment on files are stamped that it changes. */
function beginLook() {
  const begun = Date.now();
  return { since: begun - STEP_MS, begun };
}

/** Most runs change no file. */
function withChanges(answer, { begun, volumes }) {
  const changes = looks().look(begun, volumes, tellControl);
  return changes === null ? answer : { ...answer, changes };
}

/** Before the answer, behind which a command may begin and end. */
function tellControl(told) {
  try {
    state.control.postMessage({ told });
  } catch {
    // The user's own.
  }
}

/** The control thread has looked. */
function heardOfLook(told) {
  looks().heard(told);
}

module.exports = { beginLook, heardOfLook, withChanges };
