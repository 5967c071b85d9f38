// Loaded once into the portal's Node: starts the relay and hands it one request a call. Calling it again is harmless,
// so that it can be the readiness probe. A FIFO is all that Node can wait for without its event loop, which an
// evaluation holds up. Who loaded it first has the machine: names are used again, and a request that went astray must not be carried out.

globalThis.__msb_load = (nonce, owner, files) => {
  const { execFileSync, spawn } = require("node:child_process");
  const fs = require("node:fs");
  const { tmpdir } = require("node:os");
  if (globalThis.__msb === undefined) {
    const folder = fs.mkdtempSync(`${tmpdir()}/.msb-`);
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(`${folder}/${name}`, text);
    execFileSync(
      "mkfifo",
      ["side", "requests", "answers"].map((name) => `${folder}/${name}`),
    );
    const pipe = (name) => {
      // Opened for both at first, because opening one end alone waits for the other.
      const both = fs.openSync(`${folder}/${name}`, "r+");
      const ends = [fs.openSync(`${folder}/${name}`, "r"), fs.openSync(`${folder}/${name}`, "w")];
      fs.closeSync(both);
      fs.unlinkSync(`${folder}/${name}`);
      return ends;
    };
    const [theirRequests, requests] = pipe("requests");
    const [answers, theirAnswers] = pipe("answers");
    const log = fs.openSync(`${folder}/relay.log`, "w");
    const relay = spawn(process.execPath, [`${folder}/relay.cjs`, folder], {
      stdio: [theirRequests, theirAnswers, log],
      detached: true,
    });
    relay.on("error", () => {});
    relay.unref();
    for (const descriptor of [theirRequests, theirAnswers, log]) fs.closeSync(descriptor);
    try {
      // Not "node", so that a `pkill node` of the user's does not take the sandbox along.
      fs.writeFileSync("/proc/self/comm", "sandbox-portal");
    } catch {
      // Its name is then "node".
    }
    // The REPL keeps every line that it was given, for its command ".save": files on their way would fill a small machine.
    const { prototype } = require("node:repl").REPLServer;
    const { displayPrompt } = prototype;
    prototype.displayPrompt = function forgetful(...options) {
      this.lines?.splice(0);
      return displayPrompt.apply(this, options);
    };
    const chunk = Buffer.alloc(65_536);
    globalThis.__msb = (caller, line) => {
      if (caller !== owner) {
        process.stdout.write("\nmsb-not-yours\n");
        return;
      }
      const parts = [];
      try {
        const bytes = Buffer.from(`${line}\n`);
        for (let at = 0; at < bytes.length; ) at += fs.writeSync(requests, bytes, at);
        for (let ended = false; !ended; ) {
          const count = fs.readSync(answers, chunk);
          if (count === 0) throw new Error("the relay has gone");
          ended = chunk[count - 1] === 10;
          parts.push(Buffer.from(chunk.subarray(0, count)));
        }
      } catch {
        parts.splice(0, parts.length, Buffer.from("msb-relay-gone\n"));
      }
      // A line of its own whatever the interpreter may have printed before.
      process.stdout.write(Buffer.concat([Buffer.from("\n"), ...parts]));
    };
    globalThis.__msb_folder = folder;
    globalThis.__msb_owner = owner;
  }
  const loaded = { folder: globalThis.__msb_folder, interpreter: process.execPath, owner: globalThis.__msb_owner };
  process.stdout.write(`\n${nonce}${JSON.stringify(loaded)}\n`);
};
