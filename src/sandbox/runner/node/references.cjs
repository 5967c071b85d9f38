// Node's modules and what the runner uses of them, as they are before the user puts something else in their place.
// `node` is what start.cjs hands over: see main.cjs for the realm that all of this is in.

const { fs, moduleModule, path, process, timers, timersPromises, util, vm, world } = node;
const { shared, CONTROL_OUT, HEEDED, PONG, RUNNING, SPEAKING, TERMINATED } = node;
// As they are now, before the user puts something else in their place.
const {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  opendirSync,
  readdirSync,
  statSync,
  unlinkSync,
  writeSync,
} = fs;
const { closeSync: closeFolder, readSync: readFolder } = fs.Dir.prototype;
const { createRequire, stripTypeScriptTypes: stripTypes } = moduleModule;
const { join, isAbsolute } = path;
const { setImmediate, setTimeout, clearTimeout, clearImmediate } = timers;
const { TextDecoder, TextEncoder, inspect } = util;
const { isAnyArrayBuffer, isNativeError, isPromise, isProxy } = util.types;
const { Script } = vm;
const { runInContext } = Script.prototype;
const { AsyncResource } = node.asyncHooks;
const { Session } = node.inspector;
const { onInit } = node.promiseHooks;
const { Promise: UsersPromise, SyntaxError: UsersSyntaxError } = world;
const bufferFrom = own(world.Buffer, "from");
// What toString() calls by name.
const { base64Slice, utf8Slice } = world.Buffer.prototype;
const FunctionPrototype = world.Function.prototype;
const cwd = own(process, "cwd");
const kill = own(process, "kill");
const nextTick = own(process, "nextTick");
const listeners = own(process, "listeners");
const listenerCount = own(process, "listenerCount");
const listen = own(process, "on");
const listenFirst = own(process, "prependListener");
const listenNoMore = own(process, "off");
const activeResources = own(process, "getActiveResourcesInfo");
const encodeText = own(new util.TextEncoder(), "encode");
// Of the user, as they are before anything runs.
const startFolder = cwd();
const homeFolder = process.env.HOME ?? "";
const bytesOf = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(Uint8Array.prototype));

/** A method that stays what it is, with the object that it is of. */
function own(object, name) {
  return Reflect.apply(Function.prototype.bind, object[name], [object]);
}

/** A function of ours as one of the user's realm. */
function given(ours) {
  return Object.setPrototypeOf(ours, FunctionPrototype);
}

module.exports = {
  AsyncResource,
  CONTROL_OUT,
  HEEDED,
  PONG,
  RUNNING,
  SPEAKING,
  TERMINATED,
  Script,
  Session,
  TextDecoder,
  TextEncoder,
  UsersPromise,
  UsersSyntaxError,
  activeResources,
  base64Slice,
  bufferFrom,
  bytesOf,
  clearImmediate,
  clearTimeout,
  closeFolder,
  closeSync,
  createRequire,
  cwd,
  encodeText,
  fstatSync,
  given,
  homeFolder,
  inspect,
  isAbsolute,
  isAnyArrayBuffer,
  isNativeError,
  isPromise,
  isProxy,
  join,
  kill,
  listen,
  listenFirst,
  listenNoMore,
  listenerCount,
  listeners,
  lstatSync,
  mkdirSync,
  moduleModule,
  nextTick,
  node,
  onInit,
  openSync,
  opendirSync,
  own,
  process,
  readFolder,
  readdirSync,
  runInContext,
  setImmediate,
  setTimeout,
  shared,
  startFolder,
  statSync,
  stripTypes,
  timers,
  timersPromises,
  unlinkSync,
  utf8Slice,
  util,
  vm,
  world,
  writeSync,
};
