// The file routes: `/files/…` by a URL that carries its permission, `/sessions/ID/files/…` by who calls. Each request takes a place among the
// transfers, holds its session, and is answered from here, whatever happens.

import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { HandedOver } from "../../cluster/peers/routes.ts";
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
import { namedFile, pathOf, targetOf } from "./url-path.ts";

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
  /** Where there are other nodes. */
  readonly handOn?: HandOn | undefined;
};

/**
 * Hands a request on to the node that has the session; undefined, or resolves with it, where that is this one, or none. `target`: path and query. Resolves with the whole answer,
 * whatever it is; rejects with Failure.
 */
export type HandOn = (session: {
  readonly sessionId: string;
  readonly principal: string;
  readonly target: string;
  readonly request: Request;
}) => Promise<Response | undefined> | undefined;

export type FileRoutes = {
  readonly signed: (request: Request) => Promise<Response>;
  readonly named: (request: Request) => Promise<Response>;
  /** Either, as another node has handed it on: who calls has been looked at there. */
  readonly handed: (handed: HandedOver) => Promise<Response>;
};

type Asked = Omit<GrantRead, "method"> & {
  readonly way: "signed" | "token";
  /** Of a HEAD too: what the URL is for. */
  readonly isForUpload: boolean;
  /** Names the write that this request may be a part of. */
  readonly partKey: string;
};

export function createFileRoutes(options: FileRoutesOptions): FileRoutes {
  const { sessions, links, guard, authenticator, maxTransferBytes, clock, emit, stop, handOn } = options;
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
    return await somewhere(request, bySignature(request, request.url));
  }

  function bySignature({ method }: Request, url: string): Asked {
    const token = pathOf(url).slice(signedPrefix.length);
    const grant = links.read(token);
    const isItsMethod = method === grant?.method || method === "HEAD";
    if (grant === undefined || !isItsMethod) throw notPermitted();
    return { ...grant, way: "signed", isForUpload: grant.method === "PUT", partKey: token };
  }

  async function named(request: Request): Promise<Response> {
    const refusal = guard.checkHost(request) ?? guard.checkOrigin(request);
    if (refusal !== null) return refuse(refusal, emit);
    const caller = await authenticator.authenticate(request);
    if (!caller.ok) return refuse(caller.refusal, emit);
    return await somewhere(request, byName(request, request.url, caller.principal));
  }

  function byName({ method }: Request, url: string, principal: string): Asked {
    const { sessionId, path } = namedFile(pathOf(url)) ?? { sessionId: "", path: undefined };
    if (path === undefined) throw badPath();
    if (!["GET", "HEAD", "PUT"].includes(method)) throw methodNotAllowed();
    const format = formatIn(new URL(url).searchParams.get("format"));
    const partKey = JSON.stringify([principal, path]);
    const place = { principal, sessionId, path, format, maxBytes: maxTransferBytes };
    return { ...place, way: "token", isForUpload: method === "PUT", partKey };
  }

  /** Here, or at the node that has the session. */
  async function somewhere(request: Request, asked: Asked): Promise<Response> {
    const { sessionId, principal } = asked;
    const handed = await handOn?.({ sessionId, principal, target: targetOf(request.url), request });
    return handed ?? (await carryOut(request, asked));
  }

  async function handed({ request, target, principal }: HandedOver): Promise<Response> {
    const url = `http://node${target}`;
    const isSigned = target.startsWith(signedPrefix);
    return await carryOut(request, isSigned ? bySignature(request, url) : byName(request, url, principal));
  }

  async function answered(request: Request, answering: Promise<Response>): Promise<Response> {
    const response = await answering.catch((error: unknown) => refusalOf(error, emit));
    // The rest of a body that nobody reads is not waited for.
    if (request.method === "PUT" && response.status >= 400) response.headers.set("Connection", "close");
    return response;
  }
  return {
    signed: (request) => answered(request, signed(request)),
    named: (request) => answered(request, named(request)),
    handed: (over) => answered(over.request, handed(over)),
  };
}

const signedPrefix = "/files/";

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
