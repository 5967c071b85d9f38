// V8's inspector of this very thread, which evaluates the sources, and what keeps its promises from being collected.

const { Session, onInit, own, world } = require("./references.cjs");

// Promises that are kept from being collected: the first that a source makes is the one that its evaluation is answered by.
const MOST_HELD = 100;

/** `take` gives the value behind an inspector's description of it. */
const inspector = { session: null, post: null, take: null };

// A connection whose answer is outstanding must not see its promise collected as garbage: it would be told so in the middle of the
// collection, and the process would abort. Hence `held`, and a new connection after a run that has not been answered.
function connect() {
  inspector.session?.disconnect();
  inspector.session = new Session();
  inspector.session.connect();
  inspector.post = own(inspector.session, "post");
  inspector.take = handOver();
}

/** A function that gives the value behind an inspector's description of it. */
function handOver() {
  let taken;
  world.__receive = (value) => {
    taken = value;
  };
  let receiver;
  inspector.post("Runtime.evaluate", { expression: "__receive" }, (_, answer) => {
    receiver = answer.result.objectId;
  });
  delete world.__receive;
  return (remote) => {
    if (remote.type === "undefined") return undefined;
    const { value, unserializableValue, objectId } = remote;
    // What JSON carries as it is.
    if (remote.type === "number" && value !== undefined) return value;
    // Absent members are absent on the wire; a primitive that JSON cannot carry has no `value`.
    const argument = { objectId, unserializableValue, value };
    const question = {
      objectId: receiver,
      functionDeclaration: "function (value) { this(value); }",
      arguments: [argument],
      silent: true,
    };
    inspector.post("Runtime.callFunctionOn", question);
    const value_ = taken;
    taken = undefined;
    return value_;
  };
}

/** Keeps the first promises that are made from now on. */
function hold(holding) {
  try {
    holding.stop = onInit((promise) => {
      if (holding.promises !== null && holding.promises.length < MOST_HELD) holding.promises.push(promise);
    });
  } catch {
    // Node has its own use for Array.prototype.constructor here.
  }
}

function letGo(holding) {
  holding.promises = null;
  try {
    holding.stop();
  } catch {
    // As above: it goes on to be told, and does nothing.
  }
}

module.exports = { connect, hold, inspector, letGo };
