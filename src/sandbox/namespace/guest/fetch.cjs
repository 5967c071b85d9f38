// Loaded before every program of Node.js in a sandbox that has a way out: has fetch go by the proxy variables where Node.js itself does not
// (before 22.21 and 24.5). Costs nothing until fetch is called first.

"use strict";

const [major, minor] = process.versions.node.split(".").map(Number);
const isLate = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
const variable = process.env.HTTPS_PROXY || process.env.https_proxy;

if (!isLate && variable && typeof globalThis.fetch === "function") {
  const dispatcher = Symbol.for("undici.globalDispatcher.1");
  const original = globalThis.fetch;
  let isPrepared = false;

  /** Of the URL's host, as undici gives it; an address of IPv6 is in brackets. */
  const isLocal = (host) => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);

  /** undici's way to ask for a connection. */
  const connect = ({ hostname, port, protocol, servername }, callback) => {
    const net = require("node:net");
    const isTls = protocol === "https:";
    const number = Number(port) || (isTls ? 443 : 80);
    const name = hostname.replace(/^\[|\]$/g, "");
    const direct = isLocal(hostname);
    const proxy = new URL(variable);
    const socket = direct ? net.connect(number, name) : net.connect(Number(proxy.port) || 80, proxy.hostname);
    let isOver = false;
    const settle = (error, result) => {
      if (isOver) return;
      isOver = true;
      socket.off("error", settle);
      if (error) socket.destroy();
      callback(error, result);
    };
    const secured = () => {
      if (!isTls) return settle(null, socket);
      const tls = require("node:tls");
      const wrapped = tls.connect({
        socket,
        servername: servername || (net.isIP(name) ? undefined : name),
        host: name,
        ALPNProtocols: ["http/1.1"],
      });
      wrapped.once("secureConnect", () => settle(null, wrapped));
      wrapped.on("error", (error) => settle(error));
    };
    socket.on("error", settle);
    socket.once("connect", () => {
      if (direct) return secured();
      const host = `${hostname}:${number}`;
      socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      let head = "";
      const onData = (piece) => {
        head += piece.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        socket.off("data", onData);
        socket.pause();
        const line = head.slice(0, head.indexOf("\r\n"));
        if (/^HTTP\/1\.1 200 /.test(line)) return secured();
        settle(new Error(`no way to ${host}: ${line.replace(/^\S+ /, "")}`));
      };
      socket.on("data", onData);
      socket.once("end", () => settle(new Error(`no way to ${host}: the proxy has closed the connection`)));
    });
  };

  /** A program that has set a dispatcher of its own keeps it. */
  const prepare = () => {
    isPrepared = true;
    // The first look at one of its classes loads undici, which sets the dispatcher.
    void globalThis.Headers;
    const current = globalThis[dispatcher];
    if (current?.constructor?.name === "Agent") globalThis[dispatcher] = new current.constructor({ connect });
  };

  Object.defineProperty(globalThis, "fetch", {
    configurable: true,
    enumerable: true,
    writable: true,
    value: function fetch(input, init) {
      if (!isPrepared) prepare();
      return original(input, init);
    },
  });
}
