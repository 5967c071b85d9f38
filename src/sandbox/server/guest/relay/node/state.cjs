// What the relay knows: the programs that run, what they have printed, who asks.

const { moment } = require("./sweep.cjs");

/** Bounds the output of programs that waits to be fetched, in bytes; beyond it they wait in their writes. */
const heldBytes = 1 << 20;
/** Bounds one answer, in bytes of output before its encoding. */
const pageBytes = 512 << 10;
/** How long output waits for more of it before it is sent: progress is live, but not a request a line. */
const gatherMs = 20;
/** Without a request for so long nobody listens, and output beyond heldBytes is thrown away instead of stopping its program. */
const listenerMs = 10_000;

/** Programs that have ended but whose output something in the background still holds; the oldest loses it beyond that. */
const lingering = 256;
/** Bounds what is remembered of where programs began; more are never on at once. */
const originLimit = 1024;
/** Events by their kinds: of programs' output (O and E are what the interpreter has printed before a run), and those that carry bytes. */
const outputs = "oeOE";
const carriers = `${outputs}c`;

const folder = process.argv[2];
const now = () => performance.now();

/**
 * id → { child, pid, stdin, left (reads what is unread of stdin), outs, interpreter, tool (works for the host: no part of any run, and nothing that it
 * says is lost), kept (no sweep ends it), kills, told (its end is not yet), lingers (its end is
 * told, but not that of its output) }
 */
const processes = new Map();
/** id → { pid, mark } of each program's first process and the moment before it, also of those that have ended. */
const origins = new Map();

const firstMark = moment();

const state = {
  events: [],
  /** Bytes of output in `events`, and since when the oldest of them waits. */
  held: 0,
  heldSince: 0,
  /** Something is to be told at once. */
  urgent: false,
  /** The programs' output is not read at present. */
  paused: false,
  /** Rounds of the event loop since anything was read, to know that pipes are empty. */
  quietRounds: 0,
  /** The request that is open, when it is to be answered at the latest, and what waits for that. */
  request: null,
  deadline: 0,
  timer: null,
  lastHeard: now(),
  /** The number of the last operation that has been carried out. */
  applied: 0,
  /** The last answer. */
  pageNumber: 0,
  page: null,
  runMark: firstMark,
};

module.exports = {
  carriers,
  firstMark,
  folder,
  gatherMs,
  heldBytes,
  lingering,
  listenerMs,
  now,
  originLimit,
  origins,
  outputs,
  pageBytes,
  processes,
  state,
};
