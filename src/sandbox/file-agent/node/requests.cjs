// What comes on stdin as requests: lines of JSON, and behind one that says "raw" so many bytes.

/** So many are worked on at once; until then no more is read. */
const MAX_REQUESTS = 64;

class Requests {
  /** `handle` resolves when a request has been answered. */
  constructor(stream, handle) {
    this.stream = stream;
    this.handle = handle;
    this.pieces = [];
    this.size = 0;
    this.wanted = null;
    this.on = 0;
    stream.on("data", (bytes) => {
      this.take(bytes);
    });
  }

  take(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const end = this.wanted === null ? bytes.indexOf(10, at) + 1 : at + this.wanted.raw - this.size;
      const isWhole = this.wanted === null ? end > 0 : end <= bytes.length;
      const piece = bytes.subarray(at, isWhole ? end : bytes.length);
      this.pieces.push(piece);
      this.size += piece.length;
      at += piece.length;
      if (isWhole) this.whole();
    }
  }

  whole() {
    const bytes = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
    this.pieces = [];
    this.size = 0;
    if (this.wanted !== null) {
      const request = { ...this.wanted, data: bytes };
      this.wanted = null;
      this.begin(request);
      return;
    }
    const request = JSON.parse(bytes.toString());
    if (request.raw !== undefined) this.wanted = request;
    else this.begin(request.data === undefined ? request : { ...request, data: Buffer.from(request.data, "base64") });
  }

  begin(request) {
    this.on += 1;
    if (this.on >= MAX_REQUESTS) this.stream.pause();
    void this.handle(request).finally(() => {
      this.on -= 1;
      this.stream.resume();
    });
  }
}

module.exports = { Requests };
