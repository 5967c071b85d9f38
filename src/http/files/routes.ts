// The file routes: `/files/…` by a URL that carries its permission, `/sessions/ID/files/…` by who calls. Each request takes a place among the
// transfers, holds its session, and is answered from here, whatever happens.

import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import type { Failure } from "../../failure.ts";
import { isMissing } from "../../sandbox/file-verdicts.ts";
import type { SessionFiles } from "../../sessions/files.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Guard } from "../guard.ts";
import { refuse } from "../refusal.ts";
import { Refused, refusalOf } from "./answers.ts";
import { download } from "./download.ts";
import { downloadFolder, formatIn, uploadFolder } from "./folders.ts";
import { guardedHeaders } from "./headers.ts";
import type { FileLinks, GrantRead } from "./links.ts";
import type { Reached } from "./reached.ts";
import { Transfers } from "./transfers.ts";
import { Turns } from "./turns.ts";
import { upload } from "./upload.ts";
import { namedFile, pathOf } from "./url-path.ts";

export type FileRoutesOptions = {
  readonly sessions: Pick<Sessions, "withFiles">;
  readonly links: FileLinks;
  readonly guard: Guard;
  readonly authenticator: Authenticator;
  readonly maxTransferBytes: number;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Ends the look at slow transfers. */
  readonly stop: AbortSignal;
};

export type FileRoutes = {
  readonly signed: (request: Request) => Promise<Response>;
  readonly named: (request: Request) => Promise<Response>;
};

type Asked = Omit<GrantRead, "method"> & {
  readonly way: "signed" | "token";
  /** Of a HEAD too: what the URL is for. */
  readonly isForUpload: boolean;
  /** Names the write that this request may be a part of. */
  readonly partKey: string;
};

export function createFileRoutes(options: FileRoutesOptions): FileRoutes {
  const { sessions, links, guard, authenticator, maxTransferBytes, clock, emit, stop } = options;
  const transfers = new Transfers(clock, stop);
  const turns = new Turns();

  /** Resolves with the answer's head; its body and the hold on the session go on. */
  function carryOut(request: Request, asked: Asked): Promise<Response> {
    const head = Promise.withResolvers<Response>();
    const startedMs = clock.monotonicMs();
    const transfer = transfers.begin(asked.principal);
    const { principal, sessionId, way } = asked;
    const use = async (held: SessionFiles) => {
      const signal = AbortSignal.any([held.signal, transfer.signal]);
      const partId = createHash("sha256").update(asked.partKey).digest("hex").slice(0, 32);
      const alone: Reached["alone"] = (write) => turns.take(`${sessionId}/${partId}`, signal, write);
      const reached = { ...asked, files: held.files, partId, alone, transfer, signal, isWhole: true };
      try {
        await answerWith(request, reached, head.resolve);
      } catch (error) {
        // What was aborted fails in many ways; why it was is what counts.
        if (transfer.signal.aborted) throw transfer.signal.reason;
        throw held.signal.aborted ? brokenOff(request.signal.aborted) : error;
      }
      return reached.isWhole;
    };
    const told = (outcome: "whole" | "broken_off" | "refused") => {
      const direction = request.method === "PUT" ? "upload" : "download";
      const durationMs = clock.monotonicMs() - startedMs;
      const { bytes } = transfer;
      const path = () => asked.path;
      emit({ type: "transfer.ended", principal, sessionId, way, direction, path, bytes, outcome, durationMs });
    };
    sessions
      .withFiles({ principal, sessionId, signal: request.signal }, use)
      .then(
        (isWhole) => told(isWhole ? "whole" : "broken_off"),
        (error: unknown) => {
          told(request.signal.aborted || transfer.signal.aborted ? "broken_off" : "refused");
          head.reject(request.signal.aborted ? brokenOff(true) : error);
        },
      )
      .finally(() => transfer[Symbol.dispose]());
    return head.promise;
  }

  async function signed(request: Request): Promise<Response> {
    const refusal = guard.checkOrigin(request);
    if (refusal !== null) return refuse(refusal, emit);
    const token = pathOf(request).slice("/files/".length);
    const grant = links.read(token);
    const { method } = request;
    const isItsMethod = method === grant?.method || method === "HEAD";
    if (grant === undefined || !isItsMethod) throw notPermitted();
    const isForUpload = grant.method === "PUT";
    return await carryOut(request, { ...grant, way: "signed", isForUpload, partKey: token });
  }

  async function named(request: Request): Promise<Response> {
    const refusal = guard.checkHost(request) ?? guard.checkOrigin(request);
    if (refusal !== null) return refuse(refusal, emit);
    const caller = await authenticator.authenticate(request);
    if (!caller.ok) return refuse(caller.refusal, emit);
    const { sessionId, path } = namedFile(pathOf(request)) ?? { sessionId: "", path: undefined };
    if (path === undefined) throw badPath();
    if (!["GET", "HEAD", "PUT"].includes(request.method)) throw methodNotAllowed();
    const format = formatIn(new URL(request.url).searchParams.get("format"));
    const { principal } = caller;
    const partKey = JSON.stringify([principal, path]);
    const place = { principal, sessionId, path, format, maxBytes: maxTransferBytes };
    return await carryOut(request, { ...place, way: "token", isForUpload: request.method === "PUT", partKey });
  }

  const answered = (answer: (request: Request) => Promise<Response>) => async (request: Request) => {
    const response = await answer(request).catch((error: unknown) => refusalOf(error, emit));
    // The rest of a body that nobody reads is not waited for.
    if (request.method === "PUT" && response.status >= 400) response.headers.set("Connection", "close");
    return response;
  };
  return { signed: answered(signed), named: answered(named) };
}

async function answerWith(
  request: Request,
  reached: Reached & { readonly isForUpload: boolean },
  answer: (response: Response) => void,
): Promise<void> {
  const { files, path, format, signal, isForUpload } = reached;
  if (request.method === "PUT") {
    answer(format === undefined ? await upload(request, reached) : await uploadFolder(request, format, reached));
    return;
  }
  const offset = request.method === "HEAD" ? await uploadOffset(reached) : {};
  if (isForUpload) {
    answer(new Response(null, { headers: { ...guardedHeaders, "Upload-Offset": "0", ...offset } }));
    return;
  }
  const info = await files.stat(path, signal).catch((error: unknown) => {
    throw isMissing(error) ? notFound(error, offset) : error;
  });
  const withOffset = (response: Response) => {
    for (const [name, value] of Object.entries(offset)) response.headers.set(name, value);
    answer(response);
  };
  if (info.kind === "folder") await downloadFolder(request, info, reached, withOffset);
  else if (format !== undefined) throw notFolder();
  else await download(request, reached, withOffset);
}

/** How much has come of a file that is not whole yet. */
async function uploadOffset({ files, path, partId, signal }: Reached): Promise<Readonly<Record<string, string>>> {
  const bytes = await files.partBytes(path, partId, signal);
  return bytes === null ? {} : { "Upload-Offset": String(bytes) };
}

function notFolder(): Refused {
  const message = "This is no folder, which alone comes as an archive. Leave format out.";
  return new Refused({ status: 409, error: "not_folder", message });
}

function notFound({ message }: Failure, headers: Readonly<Record<string, string>>): Refused {
  return new Refused({ status: 404, error: "file_not_found", message, headers });
}

/** The same whatever is wrong: with the signature, the time, the method. */
function notPermitted(): Refused {
  const message = "This URL permits nothing, or not any more. Ask for a new one with transfer_file.";
  return new Refused({ status: 403, error: "not_permitted", message });
}

function brokenOff(hasClientLeft: boolean): Refused {
  return hasClientLeft
    ? new Refused({ status: 400, error: "broken_off", message: "The request was broken off." })
    : new Refused({
        status: 410,
        error: "session_ended",
        message: "The session ended meanwhile, with all of its files.",
      });
}

function badPath(): Refused {
  const message =
    'The path has ".." or "." in it, a zero byte, or a % that begins no encoded byte. Send it from the home on, or from the root on with %2F in front.';
  return new Refused({ status: 400, error: "invalid_path", message });
}

function methodNotAllowed(): Refused {
  const message = "Files are read with GET and HEAD, and written with PUT.";
  return new Refused({ status: 405, error: "method_not_allowed", message, headers: { Allow: "GET, HEAD, PUT" } });
}
