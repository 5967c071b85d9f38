// What a POST to another node is: sent whole, answered in pieces of text.

export type Posting = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Called before the first piece. What it throws ends the exchange. */
  readonly onHead: (status: number, header: (name: string) => string | null) => void;
  /** True: this was all. What it throws ends the exchange. */
  readonly onPiece: (text: string) => boolean;
};

/** Resolves once `onPiece` has said so. Rejects with PeerUnreachable, with the signal's reason, and with what the two throw. */
export type Post = (posting: Posting) => Promise<void>;

export type Posts = Disposable & { readonly post: Post };

/** A node that is asked says something every 10 s. Milliseconds. */
export const silenceMs = 35_000;
