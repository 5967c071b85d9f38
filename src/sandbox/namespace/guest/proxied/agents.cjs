// Has the requests of http and https go by the proxy variables, those of their global agents: an agent of a program's own is its own affair. And
// a request that is for the proxy, but asks it for an https URL, as older clients do (axios before it knew CONNECT), becomes one to that host.

const { goesByVariables, isLocal, openTunnel, proxyPlace, proxyVariable } = require("./tunnel.cjs");

const httpsPort = 443;

function isGlobal(agent) {
  return agent === require("node:http").globalAgent || agent === require("node:https").globalAgent;
}

/** In place of the agent's own, which stays for what is local. */
function goByProxy(agent) {
  const original = agent.createConnection;
  const isTls = agent === require("node:https").globalAgent;
  agent.createConnection = function createConnection(options, callback) {
    const host = options.host || "localhost";
    if (options.socketPath || isLocal(host)) return original.call(this, options, callback);
    openTunnel(host, Number(options.port) || (isTls ? httpsPort : 80), (error, socket) => {
      if (error) return void callback(error);
      if (isTls) return void callback(null, original.call(this, { ...options, socket }));
      // The host says nothing before it is asked.
      socket.resume();
      callback(null, socket);
    });
  };
}

/** Where it asks the proxy for an https URL: its URL. */
function askedOfProxy({ path }, { host, port }) {
  if (!/^https:\/\//i.test(path)) return undefined;
  const proxy = proxyPlace();
  return host === proxy.host && Number(port) === proxy.port ? new URL(path) : undefined;
}

function changeAgents(prototype) {
  const { addRequest } = prototype;
  const changed = new WeakSet();
  prototype.addRequest = function (request, options, ...more) {
    if (!isGlobal(this)) return addRequest.call(this, request, options, ...more);
    const { globalAgent } = require("node:https");
    const url = this === globalAgent ? undefined : askedOfProxy(request, options);
    const agent = url === undefined ? this : globalAgent;
    if (!goesByVariables && !changed.has(agent)) goByProxy(agent);
    changed.add(agent);
    if (url === undefined) return addRequest.call(agent, request, options, ...more);
    request.path = url.pathname + url.search;
    request.agent = agent;
    const place = { host: url.hostname, hostname: url.hostname, port: Number(url.port) || httpsPort };
    return addRequest.call(agent, request, { ...options, ...place, defaultPort: httpsPort });
  };
}

/** Both modules have the agent's prototype from one of Node's own, which is there as soon as what makes requests asks for its channel. */
function whenRequestsAreLoaded(change) {
  if (process.moduleLoadList.includes("NativeModule _http_client")) return void change();
  const channels = require("node:diagnostics_channel");
  const original = channels.channel;
  channels.channel = function channel(name) {
    if (String(name).startsWith("http.client.request.")) {
      channels.channel = original;
      change();
    }
    return original(name);
  };
}

if (proxyVariable) whenRequestsAreLoaded(() => changeAgents(require("node:_http_agent").Agent.prototype));
