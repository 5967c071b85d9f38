// An HTTP client that sends exactly the bytes it is told to, well-formed or not, and says what came back.

export type RawConnection = {
  send(text: string | Uint8Array): void;
  /** All that came, once it has this text in it or the server has closed. */
  until(text: string): Promise<string>;
  /** All that came, once the server has closed. */
  readonly closed: Promise<string>;
} & Disposable;

export async function connectRaw(url: URL | string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const closed = Promise.withResolvers<string>();
  const waiting = new Set<() => void>();
  let received = "";
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_socket, chunk) {
        received += chunk.toString("latin1");
        for (const look of waiting) look();
      },
      close() {
        closed.resolve(received);
        for (const look of waiting) look();
      },
    },
  });
  let isClosed = false;
  void closed.promise.then(() => {
    isClosed = true;
    for (const look of waiting) look();
  });
  return {
    send: (text) => void socket.write(text),
    until: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (!isClosed && !received.includes(text)) return;
          waiting.delete(look);
          resolve(received);
        };
        waiting.add(look);
        look();
      }),
    closed: closed.promise,
    [Symbol.dispose]: () => socket.end(),
  };
}
