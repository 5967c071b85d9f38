// The control thread's answers to what the host asks of a command that runs beside the interpreter. The main thread, which runs no source then, is
// not woken for them.

// program.ts puts the text of looks/ here: both threads make a function of it, each in a realm of its own.
const LOOKS = "looks.cjs";

/** `places`: the folder that the interpreter was started in and the user's home. `say` tells the host, `tellMain` the main thread. */
function openBeside(places, say, tellMain) {
  const { lstatSync, opendirSync, readdirSync, statSync, Dir } = require("node:fs");
  const { runInThisContext } = require("node:vm");
  let looks = null;

  function open() {
    const ofFolders = { lstatSync, opendirSync, readdirSync, statSync };
    const { closeSync: closeFolder, readSync: readFolder } = Dir.prototype;
    const encodeText = (text) => Buffer.from(text);
    const toBytes = (bytes) => bytes;
    return runInThisContext(LOOKS)({ ...places, ...ofFolders, closeFolder, readFolder, encodeText, toBytes });
  }

  return {
    /** The main thread has looked. */
    heard: (told) => {
      looks ??= open();
      looks.heard(told);
    },
    moment: (id) => say({ moment: id, ms: Date.now() }),
    look: ({ look: id, since_ms: since, begun_ms: begun, volumes = [] }) => {
      looks ??= open();
      let told = null;
      const changes = looks.look({ since, begun }, volumes, (found) => {
        told = found;
      });
      say(changes === null ? { look: id } : { look: id, changes });
      if (told !== null) tellMain({ told });
    },
  };
}

module.exports = { LOOKS, openBeside };
