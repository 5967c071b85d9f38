// What a run has changed, as the Python runner finds it (python/changes.py has the reasons): a look over the folder that the interpreter was
// started in, the user's home and the shared folders, bounded in time and number. Both threads look: the main one after a run of its own,
// the control thread after a command. Each hears from the other what has been told.

const { namesIn, stateOf } = require("./entries.cjs");
const { homeFolder, startFolder, statSync } = require("../references.cjs");

// Bounds of one look. The first entries are looked at however long that takes. Less than the control thread waits before it terminates.
const MOST_MS = 20;
const MOST_ENTRIES = 2000;
const FIRST_ENTRIES = 200;
const MOST_DEPTH = 8;
// Bounds of what is told: files, and characters of their paths.
const MOST_FILES = 100;
const MOST_PATH_CHARACTERS = 16 * 1024;
// A folder that has changed so lately may change once more within a step of the clock that stamps it.
const SETTLING_MS = 20;
const SKIPPED = new Set([
  ...[".cache", ".config", ".git", ".hg", ".ipynb_checkpoints", ".ipython", ".local", ".npm", ".svn", ".yarn"],
  ...["__pycache__", "node_modules"],
]);
const SKIPPED_WITH = new Set(["pyvenv.cfg", "CACHEDIR.TAG"]);
const OWN_PREFIX = ".msb-";
// The kind of a file in its mode, and what two of them are.
const KIND = 0o170000;
const FOLDER = 0o040000;
const FILE = 0o100000;

/** What has been told lately: a next run may begin within the step of the clock in which it changed. */
let told = new Map();
/**
 * Which files there are, and the folders that they are in: a folder whose stamp is the same has the same files in it. Null where that is not sure, as
 * a folder that has changed just now could change once more within a step of the clock.
 */
let tree = null;

/**
 * What has changed since something began, at `begun` at the latest; stamps from `since` on may be its. Null where nothing has; otherwise what is told
 * of it. `hear` is called with what the other thread is to know then, a text.
 */
function look({ since, begun }, volumes, hear) {
  const { found, isComplete } = search(since, volumes);
  if (found.size === 0 && isComplete) return null;
  const fresh = [...found].filter(([path, { stamp, size }]) => {
    const before = told.get(path);
    return stamp >= begun || before?.stamp !== stamp || before.size !== size;
  });
  told = new Map([...[...told].filter(([, { stamp }]) => stamp >= since), ...found]);
  hear(JSON.stringify([...told]));
  return fresh.length === 0 && isComplete ? null : tellFiles(fresh, isComplete);
}

/** The other thread has looked. */
function heard(text) {
  told = new Map(JSON.parse(text));
}

function tellFiles(fresh, isComplete) {
  const files = [];
  let characters = 0;
  for (const [path, { size }] of fresh.sort(([one], [other]) => (one < other ? -1 : 1))) {
    characters += path.length;
    if (files.length === MOST_FILES || characters > MOST_PATH_CHARACTERS) return { files, complete: false };
    files.push([nameOf(path), size]);
  }
  return { files, complete: isComplete };
}

/** From the start on, where it is below that. */
function nameOf(path) {
  return startFolder !== "/" && path.startsWith(`${startFolder}/`) ? path.slice(startFolder.length + 1) : path;
}

function placesOf(volumes) {
  return [...new Set([startFolder, homeFolder, ...volumes])].filter((place) => place.startsWith("/"));
}

/** The files that have changed, by path; and whether all have been looked at. */
function search(since, volumes) {
  const found = new Map();
  const isOver = openBudget();
  const isKnown = tree?.folders.every(({ path, stamp }) => stateOf(path, statSync)?.ctimeMs === stamp) === true;
  const isComplete = isKnown ? lookAtKnown(tree, since, isOver, found) : lookAtAll(volumes, since, isOver, found);
  // Where the clock has been set back, nobody knows.
  return Date.now() < since ? { found: new Map(), isComplete: false } : { found, isComplete };
}

function openBudget() {
  const startMs = Date.now();
  let entries = 0;
  return () => {
    entries += 1;
    return entries > MOST_ENTRIES || (entries > FIRST_ENTRIES && Date.now() - startMs > MOST_MS);
  };
}

function lookAtKnown({ files }, since, isOver, found) {
  for (const path of files) {
    if (isOver()) return false;
    const state = stateOf(path);
    if (state?.ctimeMs >= since) found.set(path, { stamp: state.ctimeMs, size: state.size });
  }
  return true;
}

function lookAtAll(volumes, since, isOver, found) {
  const settled = Date.now() - SETTLING_MS;
  const places = placesOf(volumes);
  const known = { files: [], folders: [] };
  let isSettled = true;
  tree = null;
  // Of a root folder only its own files count: all else is below it. Each with the device that it is to be on. What is deeper is looked at later.
  const queue = places.map((path) => ({ path, depth: path === "/" ? MOST_DEPTH : 1, device: null }));
  for (const folder of queue) {
    const own = stateOf(folder.path, statSync);
    // What is mounted there is a place of its own, or not to be written to.
    if (own !== undefined && folder.device !== null && own.dev !== folder.device) continue;
    const inside = lookInto(folder, own, since, isOver);
    for (const [path, state] of inside.changed) found.set(path, state);
    if (!inside.isComplete) return false;
    known.folders.push({ path: folder.path, stamp: own?.ctimeMs });
    known.files.push(...inside.files);
    isSettled &&= own === undefined || own.ctimeMs < settled;
    queue.push(...inside.folders.filter(({ path }) => !places.includes(path)));
  }
  if (isSettled) tree = known;
  return true;
}

function lookInto(folder, own, since, isOver) {
  const inside = { files: [], changed: [], folders: [], isComplete: true };
  const above = folder.path === "/" ? "" : folder.path;
  for (const name of namesIn(folder.path, own)) {
    if (isOver()) return { ...inside, isComplete: false };
    if (SKIPPED.has(name) || name.startsWith(OWN_PREFIX)) continue;
    const path = `${above}/${name}`;
    const state = stateOf(path);
    const kind = state === undefined ? 0 : state.mode & KIND;
    if (kind === FOLDER && folder.depth < MOST_DEPTH) {
      inside.folders.push({ path, depth: folder.depth + 1, device: own.dev });
    } else if (kind === FILE) {
      if (SKIPPED_WITH.has(name) && folder.depth > 1) return { files: [], changed: [], folders: [], isComplete: true };
      inside.files.push(path);
      if (state.ctimeMs >= since) inside.changed.push([path, { stamp: state.ctimeMs, size: state.size }]);
    }
  }
  return inside;
}

module.exports = { heard, look };
