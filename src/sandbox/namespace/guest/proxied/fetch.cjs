// Has fetch go by the proxy variables.

const { goesByVariables, openTunnel, proxyVariable } = require("./tunnel.cjs");

/** undici's way to ask for a connection. */
function connectForFetch({ hostname, port, protocol, servername }, callback) {
  const isTls = protocol === "https:";
  openTunnel(hostname, Number(port) || (isTls ? 443 : 80), (error, socket) => {
    if (error || !isTls) return void callback(error, socket);
    const name = hostname.replace(/^\[|\]$/g, "");
    const options = {
      ...{ socket, host: name, ALPNProtocols: ["http/1.1"] },
      servername: servername || (require("node:net").isIP(name) ? undefined : name),
    };
    const secured = require("node:tls").connect(options);
    secured.once("secureConnect", () => callback(null, secured));
    secured.on("error", (cause) => callback(cause));
  });
}

/** A program that has set a dispatcher of its own keeps it. */
function prepareFetch() {
  const dispatcher = Symbol.for("undici.globalDispatcher.1");
  // The first look at one of its classes loads undici, which sets the dispatcher.
  void globalThis.Headers;
  const current = globalThis[dispatcher];
  if (current?.constructor?.name !== "Agent") return;
  globalThis[dispatcher] = new current.constructor({ connect: connectForFetch });
}

if (!goesByVariables && proxyVariable && typeof globalThis.fetch === "function") {
  const original = globalThis.fetch;
  let isPrepared = false;
  Object.defineProperty(globalThis, "fetch", {
    configurable: true,
    enumerable: true,
    writable: true,
    value: function fetch(input, init) {
      if (!isPrepared) prepareFetch();
      isPrepared = true;
      return original(input, init);
    },
  });
}
