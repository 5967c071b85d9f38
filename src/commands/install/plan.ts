// The entry that a client is to get, over HTTP or stdio, and what its user has to know of it. Nothing is read or written here.

import type { ClientName } from "../../config/commands.ts";
import { type Client, type Credential, clients, type Entry } from "./clients.ts";
import { tokenVariable } from "./entry.ts";
import type { Machine } from "./places.ts";
import { programOf, type Running } from "./program.ts";
import {
  flagsWithCredentials,
  givenVariables,
  isTokenNeeded,
  serverUrl,
  stdioArguments,
  type TokenOptions,
  type UrlOptions,
} from "./server.ts";

export type PlanOptions = UrlOptions & {
  readonly client: ClientName;
  /** Undefined where it was not given. */
  readonly transport: "http" | "stdio" | undefined;
  readonly isProject: boolean;
  readonly auth: TokenOptions["auth"];
  readonly tokens: readonly string[];
  readonly tokenFile: string | undefined;
  readonly hasOAuth: boolean;
  /** Of the token that a first start makes. */
  readonly firstToken: { readonly path: string; readonly token: string | undefined };
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly machine: Machine;
  readonly running: Running;
};

export type Plan =
  | {
      readonly ok: true;
      readonly entry: Entry;
      /** The token, where it stands in the entry itself. */
      readonly secret: string | undefined;
      /** One sentence or more each. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly problem: string };

export function planEntry(options: PlanOptions): Plan {
  const client: Client = clients[options.client];
  const { title } = client;
  if (client.http === undefined && (options.url !== undefined || options.transport === "http")) {
    return refused(
      `${title} takes only programs from its file, not URLs. Leave ${options.url === undefined ? "--transport http" : "the URL"} out, ` +
        `and ${title} starts this program itself; a server on the internet is added in the settings of ${title}, under Connectors`,
    );
  }
  if (options.transport === "stdio" && options.url !== undefined) {
    return refused(
      "--transport stdio contradicts the URL: over stdio the client starts the server itself; leave one of them out",
    );
  }
  const contradicted = ["--host", "--port"].filter((flag) => options.texts.has(flag));
  if (options.url !== undefined && contradicted.length > 0) {
    return refused(
      `${contradicted.join(", ")}: contradiction to the URL, which names the host and port of the server; leave the one or the other out`,
    );
  }
  if (client.http === undefined || options.transport === "stdio") return overStdio(options, client);
  return overHttp(options, client, client.http);
}

function overStdio({ texts, machine, running, transport, isProject }: PlanOptions, client: Client): Plan {
  const { title } = client;
  const secret = flagsWithCredentials(texts);
  if (secret.length > 0) {
    return refused(
      `${secret.join(", ")}: a URL with a user or a password would be readable in the file of ${title}. ` +
        "Give the URL without them; a key belongs into a variable of the environment, such as MSB_API_KEY",
    );
  }
  const { program, note } = programOf(running);
  const { flagless, others } = givenVariables(texts, machine.variable);
  const args = [...program.args, ...stdioArguments(texts, machine.cwd)];
  const lost = client.passesVariables ? [] : flagless;
  const notes = [
    ...(transport === undefined
      ? [`${title} takes only programs from its file, so it starts this server itself, over stdio.`]
      : []),
    ...(note === undefined ? [] : [note]),
    ...(isProject && note === undefined
      ? [`The path ${program.command} is of this machine: whoever else has the project needs the program there, too.`]
      : []),
    ...(others.length === 0
      ? []
      : [
          `Set here, but not written into the file: ${others.join(", ")}. What the server needs of it, give as a flag.`,
        ]),
    ...(lost.length === 0
      ? []
      : [`Set here, but ${title} does not pass it on: ${lost.join(", ")}. Add it to "env" of the entry by hand.`]),
  ];
  return { ok: true, entry: client.stdio({ ...program, args }, flagless), secret: undefined, notes };
}

function overHttp(options: PlanOptions, client: Client, http: NonNullable<Client["http"]>): Plan {
  const url = serverUrl(options);
  if (typeof url === "string") return refused(url);
  const isNeeded = isTokenNeeded({
    ...options,
    url,
    isUrlGiven: options.url !== undefined,
    hasTokens: options.tokens.length > 0 || options.tokenFile !== undefined,
    hasFirstToken: options.firstToken.token !== undefined,
  });
  const credential = isNeeded ? credentialFor(options, client) : ({ kind: "none" } as const);
  if (typeof credential === "string") return refused(credential);
  return {
    ok: true,
    entry: http(url.href, credential),
    secret: credential.kind === "token" ? credential.token : undefined,
    notes: [
      ...tokenNotes(options, client, credential),
      ...(credential.kind !== "none" && url.protocol === "http:" && !isLocal(url)
        ? [`${url.host} is reached without TLS: whoever is on the way can read the token.`]
        : []),
    ],
  };
}

/** A text is why there is none. */
function credentialFor(
  { isProject, tokens, firstToken }: PlanOptions,
  { title, canRefer }: Client,
): Credential | string {
  if (canRefer) return { kind: "variable", name: tokenVariable };
  if (isProject) {
    return (
      `${title} cannot refer to a token by a variable, and a project's file is no place for the token itself. ` +
      "Leave --project out, or use --transport stdio, which needs no token"
    );
  }
  const [given, ...more] = tokens;
  const token = given ?? firstToken.token;
  if (token !== undefined && more.length === 0) return { kind: "token", token };
  return (
    `${title} cannot refer to a token by a variable: its file gets the token itself, and ${more.length > 0 ? "several are given" : "none is known here"}. ` +
    "Give the one with --auth-token (MCP_AUTH_TOKEN), or use --transport stdio, which needs no token"
  );
}

function tokenNotes(options: PlanOptions, { title, prompt }: Client, credential: Credential): readonly string[] {
  const { machine, firstToken, url, tokens } = options;
  switch (credential.kind) {
    case "none":
      return [];
    case "token":
      return [
        `${title} cannot refer to a token by a variable, so the token itself is in the file: keep the file private.`,
      ];
    case "variable": {
      const source = sourceOf(options);
      if (prompt !== undefined)
        return [`${title} asks for the token once, when it first starts the server: ${source}.`];
      const isInFile = url === undefined && tokens.length === 0 && options.tokenFile === undefined;
      const value = isInFile ? `"$(cat '${firstToken.path}')"` : "TOKEN";
      const command =
        machine.platform === "win32" ? `setx ${credential.name} TOKEN` : `export ${credential.name}=${value}`;
      return [
        `${title} takes the token from the variable ${credential.name}; it must be set where ${title} is started: ${command}`,
        `The token is ${source}.`,
      ];
    }
  }
}

function sourceOf({ url, tokens, tokenFile, firstToken }: PlanOptions): string {
  if (tokens.length > 0) return "the one given with --auth-token (MCP_AUTH_TOKEN)";
  if (tokenFile !== undefined) return `one of those whose hashes are in ${tokenFile}`;
  if (url !== undefined) return "the one that the server's operator gives you";
  return firstToken.token === undefined
    ? `the one that the server makes at its first start, in ${firstToken.path}`
    : `the one in ${firstToken.path}`;
}

function isLocal({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

function refused(problem: string): Plan {
  return { ok: false, problem };
}
