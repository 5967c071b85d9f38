// Where a run's output ends, however the bytes come.

import { expect, test } from "bun:test";
import { MarkedStream } from "../../../src/sandbox/runner/marked-stream.ts";

const mark = "<aab-mark>";

function collect(): { stream: MarkedStream; text: () => string; ends: () => number } {
  const stream = new MarkedStream();
  let text = "";
  let ends = 0;
  stream.begin(
    mark,
    (bytes) => {
      text += Buffer.from(bytes).toString("latin1");
    },
    () => {
      ends++;
    },
  );
  return { stream, text: () => text, ends: () => ends };
}

test("a mark is found wherever chunks are cut, and what follows it is dropped", () => {
  const all = Buffer.from(`out <aa<aab-mar${mark}of nobody`);
  for (let first = 0; first <= all.length; first++) {
    for (let second = first; second <= all.length; second++) {
      const { stream, text, ends } = collect();
      for (const part of [all.subarray(0, first), all.subarray(first, second), all.subarray(second)]) stream.push(part);
      expect({ first, second, text: text(), ends: ends() }).toEqual({
        first,
        second,
        text: "out <aa<aab-mar",
        ends: 1,
      });
    }
  }
});

test("bytes that cannot be the beginning of a mark are delivered at once", () => {
  const { stream, text } = collect();
  stream.push(Buffer.from("progress"));
  expect(text()).toBe("progress");
  stream.push(Buffer.from(" <aab"));
  expect(text()).toBe("progress ");
  stream.push(Buffer.from("c"));
  expect(text()).toBe("progress <aabc");
});

test("a stream that ends without a mark loses nothing", () => {
  const { stream, text, ends } = collect();
  stream.push(Buffer.from("last <aab-mark"));
  stream.giveUp();
  expect(text()).toBe("last <aab-mark");
  expect(ends()).toBe(0);
});

test("the line behind a mark is found wherever chunks are cut, and what follows it is dropped", () => {
  const all = Buffer.from(`out${mark}{"é": 1}\nof nobody\n`);
  for (let first = 0; first <= all.length; first++) {
    for (let second = first; second <= all.length; second++) {
      const stream = new MarkedStream();
      let text = "";
      const lines: string[] = [];
      stream.beginWithLine(
        mark,
        (bytes) => {
          text += Buffer.from(bytes).toString("latin1");
        },
        (line) => lines.push(line),
      );
      for (const part of [all.subarray(0, first), all.subarray(first, second), all.subarray(second)]) stream.push(part);
      expect({ first, second, text, lines }).toEqual({ first, second, text: "out", lines: ['{"é": 1}'] });
    }
  }
});

test("behind the line of a place the run goes on, wherever chunks are cut", () => {
  const all = Buffer.from(`one${mark}d1\ntwo${mark}d2\n${mark}d3\n${mark}\nother`);
  for (let first = 0; first <= all.length; first++) {
    for (let second = first; second <= all.length; second++) {
      let others = "";
      const stream = new MarkedStream((bytes) => {
        others += Buffer.from(bytes).toString();
      });
      let text = "";
      stream.beginWithLine(
        mark,
        (bytes) => {
          text += Buffer.from(bytes).toString();
        },
        (line) => {
          text += `<${line}|`;
        },
        (line) => {
          const isPlace = line.startsWith("d");
          if (isPlace) text += `<${line}>`;
          return isPlace;
        },
      );
      for (const part of [all.subarray(0, first), all.subarray(first, second), all.subarray(second)]) stream.push(part);
      expect({ first, second, text, others }).toEqual({
        ...{ first, second },
        text: "one<d1>two<d2><d3><|",
        others: "other",
      });
    }
  }
});

test("any number of marks in one piece is taken", () => {
  const stream = new MarkedStream();
  let places = 0;
  stream.beginWithLine(
    mark,
    () => undefined,
    () => undefined,
    () => ++places > 0,
  );
  stream.push(Buffer.from(`${mark}d1\n`.repeat(100_000)));
  expect(places).toBe(100_000);
});

test("a line behind a mark that does not end is cut, and one that a run's end cuts off is not told", () => {
  const stream = new MarkedStream();
  const lines: string[] = [];
  const begin = () =>
    stream.beginWithLine(
      mark,
      () => undefined,
      (line) => lines.push(line),
    );
  begin();
  stream.push(Buffer.from(mark));
  for (let count = 0; count < 3; count++) stream.push(Buffer.from("x".repeat(2000)));
  expect(lines).toEqual(["x".repeat(4096)]);
  begin();
  stream.push(Buffer.from(`${mark}half`));
  stream.giveUp();
  stream.push(Buffer.from("a line\n"));
  expect(lines).toHaveLength(1);
});

test("bytes outside any run go nowhere, and what was held back of one run is not another's", () => {
  const { stream, text } = collect();
  stream.push(Buffer.from(`${mark}<aab`));
  let next = "";
  stream.begin(
    "<other>",
    (bytes) => {
      next += Buffer.from(bytes).toString();
    },
    () => undefined,
  );
  stream.push(Buffer.from("text<other>"));
  expect([text(), next]).toEqual(["", "text"]);
});

test("bytes outside any run are the background's, wherever chunks are cut", () => {
  const all = Buffer.from(`before${mark}{}\nafter${mark}too`);
  for (let first = 0; first <= all.length; first++) {
    for (let second = first; second <= all.length; second++) {
      let [own, others] = ["", ""];
      const stream = new MarkedStream((bytes) => {
        others += Buffer.from(bytes).toString();
      });
      stream.push(Buffer.from("at first,"));
      stream.beginWithLine(
        mark,
        (bytes) => {
          own += Buffer.from(bytes).toString();
        },
        () => undefined,
      );
      for (const part of [all.subarray(0, first), all.subarray(first, second), all.subarray(second)]) stream.push(part);
      expect({ first, second, own, others }).toEqual({
        first,
        second,
        own: "before",
        others: `at first,after${mark}too`,
      });
    }
  }
});
