// What the relay uses of Node.

const { execFileSync, spawn } = require("node:child_process");
const {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} = require("node:fs");
const { Socket } = require("node:net");
const { constants: osConstants } = require("node:os");
const { inflateRawSync } = require("node:zlib");

module.exports = {
  Socket,
  closeSync,
  constants,
  execFileSync,
  inflateRawSync,
  openSync,
  osConstants,
  readFileSync,
  readSync,
  readdirSync,
  spawn,
  unlinkSync,
  writeFileSync,
  writeSync,
};
