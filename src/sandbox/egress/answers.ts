// What a client is told, in the protocol that it speaks, before anything is passed through.

import { socksAnswer } from "./socks.ts";

export type Answers = {
  /** Undefined: the host's own answer is all there is. */
  readonly reached: Buffer | undefined;
  readonly refused: (text: string) => Buffer;
  readonly failed: (text: string) => Buffer;
};

export const connectAnswers: Answers = {
  reached: Buffer.from("HTTP/1.1 200 Connection established\r\n\r\n"),
  // Clients show the first line, and nothing else of an answer to CONNECT.
  refused: (text) => httpAnswer(403, "Refused by the network policy of this sandbox", text),
  failed: (text) => httpAnswer(502, "Not reached", text),
};

export const requestAnswers: Answers = { ...connectAnswers, reached: undefined };

export const socksAnswers: Answers = {
  reached: socksAnswer("succeeded"),
  refused: () => socksAnswer("notAllowed"),
  failed: () => socksAnswer("hostUnreachable"),
};

export function httpAnswer(status: number, reason: string, text: string): Buffer {
  const body = Buffer.from(`${text}\n`);
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    "Connection: close",
    "\r\n",
  ];
  return Buffer.concat([Buffer.from(head.join("\r\n")), body]);
}

/** An alert of TLS (RFC 8446, 6): fatal, access_denied. */
export const tlsAlert: Buffer = Buffer.from([0x15, 3, 3, 0, 2, 2, 49]);
