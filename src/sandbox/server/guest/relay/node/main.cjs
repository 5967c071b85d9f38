// The relay, in a guest with Node: starts programs when told to and carries their streams. Requests come as lines on stdin (through
// the portal's interpreter) and on the side FIFO (through a command); answers go to stdout, one a request of stdin.
// ../../../link.ts is the other end and describes the messages. Needs Node 18 and Linux; knows nothing of what it starts.

const { receive } = require("./operations.cjs");
const { folder, processes } = require("./state.cjs");
const { Socket, constants, openSync, writeFileSync } = require("./system.cjs");

function readLines(socket, onEnd) {
  let parts = [];
  socket.on("data", (data) => {
    let from = 0;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, from)) {
      parts.push(data.subarray(from, at));
      const line = Buffer.concat(parts).toString("latin1");
      parts = [];
      from = at + 1;
      if (line !== "") receive(line);
    }
    if (from < data.length) parts.push(data.subarray(from));
  });
  socket.on("end", onEnd);
}

function end() {
  for (const entry of processes.values()) {
    if (entry.told) entry.child.kill("SIGKILL");
  }
  process.exit(0);
}

try {
  // Not "node", so that a `pkill node` of the user's does not take the sandbox along.
  writeFileSync("/proc/self/comm", "sandbox-relay");
} catch {
  // Its name is then "node".
}
process.on("SIGINT", () => {});
readLines(new Socket({ fd: 0, readable: true, writable: false }), end);
readLines(
  new Socket({
    fd: openSync(`${folder}/side`, constants.O_RDWR | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  }),
  end,
);
