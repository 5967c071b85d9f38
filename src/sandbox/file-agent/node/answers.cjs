// What is said on stdout, in order, while the next is being made: a thread of its own waits for whoever reads slowly.

const { fs } = require("./paths.cjs");

class Answers {
  /** `onBroken`: nobody reads any more. */
  constructor(descriptor, onBroken) {
    this.descriptor = descriptor;
    this.onBroken = onBroken;
    this.waiting = [];
    this.isWriting = false;
  }

  add(...pieces) {
    this.waiting.push(...pieces.filter((piece) => piece.length > 0));
    if (!this.isWriting) this.write();
  }

  write() {
    this.isWriting = this.waiting.length > 0;
    if (!this.isWriting) return;
    fs.writev(this.descriptor, this.waiting.slice(0, 64), (error, written) => {
      if (error) {
        this.onBroken();
        return;
      }
      this.drop(written);
      this.write();
    });
  }

  drop(written) {
    let left = written;
    while (left > 0) {
      const [first] = this.waiting;
      if (left < first.length) this.waiting[0] = first.subarray(left);
      else this.waiting.shift();
      left -= Math.min(left, first.length);
    }
  }
}

module.exports = { Answers };
