// What is thrown where another node could not be asked, or broke off.

export class PeerUnreachable extends Error {
  override readonly name = "PeerUnreachable";
  /** It may have begun what it was asked. What was not sent may be sent again. */
  readonly wasSent: boolean;

  constructor(message: string, options: { readonly wasSent: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.wasSent = options.wasSent;
  }
}
