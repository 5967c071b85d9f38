// The runtime's errors as ours: by their codes, never by their messages, which name files of this machine and stay as the cause.

import { Failure, type FailureKind } from "../../failure.ts";

type Row = { readonly kind: FailureKind; readonly why: string };

/** Codes of the runtime that say more than that something went wrong. */
const rows: Readonly<Record<string, Row>> = {
  libkrunfwNotFound: { kind: "configuration", why: "a part of the microVM runtime is missing" },
  invalidConfig: { kind: "configuration", why: "the microVM runtime does not take this configuration" },
  unsupported: { kind: "configuration", why: "the microVM runtime cannot do this here" },
  unsupportedOperation: { kind: "configuration", why: "the microVM runtime cannot do this here" },
  imageNotFound: { kind: "sandbox_creation", why: "there is no such image" },
  image: { kind: "sandbox_creation", why: "the image could not be had" },
  http: { kind: "connection", why: "a server of images or of the hosted runtime did not answer as it should" },
  cloudHttp: { kind: "connection", why: "the hosted runtime did not answer as it should" },
  sandboxNotFound: { kind: "sandbox_creation", why: "the microVM is not there" },
  sandboxNotRunning: { kind: "sandbox_creation", why: "the microVM does not run" },
  sandboxAlreadyExists: { kind: "sandbox_creation", why: "a microVM of this name is there already" },
  database: { kind: "sandbox_creation", why: "the microVM runtime's list of machines cannot be used" },
  io: { kind: "sandbox_creation", why: "the microVM runtime could not use a file or a device" },
};

const unknown: Row = { kind: "sandbox_creation", why: "the microVM runtime could not do it" };

/** `what` says what failed, without a full stop. A Failure stays what it is. */
export function toFailure(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  const code = runtimeCode(error);
  const { kind, why } = rows[code ?? ""] ?? unknown;
  const context = code === undefined ? {} : { runtime_code: code };
  return new Failure(kind, `${what}: ${why}.`, { context, advice: adviceFor(kind), cause: error });
}

/** Undefined for errors that are not the runtime's. */
export function runtimeCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function adviceFor(kind: FailureKind): readonly string[] {
  const operator = "The server's log says more; `msb-mcp doctor` looks for what is missing.";
  return kind === "configuration" ? [operator] : ["Try again.", operator];
}
