// Loaded before every program of Node.js in a sandbox that has a way out: its fetch (fetch.cjs) and its requests (agents.cjs) go by the proxy
// variables where Node.js itself does not, before 22.21 and 24.5. Costs nothing until a program makes a request.

const [major, minor] = process.versions.node.split(".").map(Number);
const goesByVariables = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
const proxyVariable = process.env.HTTPS_PROXY || process.env.https_proxy;

/** An address of IPv6 may be in brackets. */
function isLocal(host) {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);
}

function proxyPlace() {
  const { hostname, port } = new URL(proxyVariable);
  return { host: hostname, port: Number(port) || 80 };
}

/** Calls back with a socket that leads to the host, by the proxy unless it is this machine; once. */
function openTunnel(hostname, port, callback) {
  const net = require("node:net");
  const name = hostname.replace(/^\[|\]$/g, "");
  const isDirect = isLocal(hostname);
  const socket = net.connect(isDirect ? { host: name, port } : proxyPlace());
  let isOver = false;
  const settle = (error) => {
    if (isOver) return;
    isOver = true;
    socket.off("error", settle);
    if (error) socket.destroy();
    callback(error, socket);
  };
  socket.on("error", settle);
  socket.once("connect", () => {
    if (isDirect) return settle(null);
    const host = `${name.includes(":") ? `[${name}]` : name}:${port}`;
    socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    let head = "";
    const onData = (piece) => {
      head += piece.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", onData);
      socket.pause();
      const line = head.slice(0, head.indexOf("\r\n"));
      settle(/^HTTP\/1\.1 200 /.test(line) ? null : new Error(`no way to ${host}: ${line.replace(/^\S+ /, "")}`));
    };
    socket.on("data", onData);
    socket.once("end", () => settle(new Error(`no way to ${host}: the proxy has closed the connection`)));
  });
}

module.exports = { goesByVariables, isLocal, openTunnel, proxyPlace, proxyVariable };
