// What a tool's answer is told with, and what the examples of several tools share.

import { type TObject, Type } from "@sinclair/typebox";

export type Example = {
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>>;
};

export type ToolAnswer = {
  /** Of the result's structuredContent. */
  readonly result: TObject;
  readonly example: Example;
  /** Of a run that is not over when its call is answered. */
  readonly running?: { readonly result: TObject; readonly example?: Example };
};

export const closed = { additionalProperties: false } as const;

export const sessionId = "session-k3f7q-4nwc8r2hd5xjv9tb6m3p7sgy";
export const executionId = "execution-k3f7q-9w2mxh5tqd7bn4rkc8vjz6ps";

export const executionKinds = ["code", "command"] as const;
export const executionStates = ["queued", "running", "ended"] as const;

export function among(values: readonly string[], description?: string) {
  return Type.Union(
    values.map((value) => Type.Literal(value)),
    description === undefined ? {} : { description },
  );
}
