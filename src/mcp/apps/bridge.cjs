// The view's end of the host's bridge: JSON-RPC by postMessage, with the window that this one is in and no other. Source: MCP Apps, 2026-01-26.

const pending = new Map();
let lastId = 0;

function post(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function tell(method, params = {}) {
  post({ method, params });
}

function ask(method, params) {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    post({ id, method, params });
  });
}

/** `hear` gets the host's notifications; its requests are answered with nothing, but for those that nobody knows. */
function listen(hear) {
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || typeof data !== "object" || data === null || data.jsonrpc !== "2.0") return;
    if (typeof data.method !== "string") {
      const asked = pending.get(data.id);
      pending.delete(data.id);
      if (data.error !== undefined) asked?.reject(new Error(String(data.error.message)));
      else asked?.resolve(data.result);
    } else if (data.id === undefined) {
      hear(data.method, data.params ?? {});
    } else if (data.method === "ping" || data.method === "ui/resource-teardown") {
      post({ id: data.id, result: {} });
    } else {
      post({ id: data.id, error: { code: -32601, message: "Method not found" } });
    }
  });
}

module.exports = { ask, listen, tell };
