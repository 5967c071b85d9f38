// The kinds of option values that say who may call: tokens, keys, OAuth scopes. No message shows any of the secret ones.

import { itemsOf, type Kind, list, single } from "./kinds.ts";

/** A bearer token and the name of whoever calls with it. */
export type NamedToken = { readonly principal: string; readonly token: string };

/** RFC 6750 section 2.1. */
const bearerToken = /^[\w.~+/-]+=*$/;

/** The principal of a token that was given without a name. */
const unnamedPrincipal = "default";

/**
 * `TOKEN` or `NAME=TOKEN`. A token has the characters of a bearer token (RFC 6750 section 2.1), so that a comma ends it.
 * Names are unique, and short enough that a long Base64 key with its padding is not taken for one.
 */
export const namedTokens: Kind<readonly NamedToken[]> = {
  rule: "TOKEN or NAME=TOKEN, several as a comma list; a token has at least 16 letters, digits, - . _ ~ + / and = at its end",
  placeholder: "[NAME=]TOKEN",
  repeatable: true,
  show: hide,
  read: (texts) => {
    const items = texts.flatMap(itemsOf);
    const value = items.map(namedTokenOf).filter((token) => token !== undefined);
    if (items.length === 0 || value.length < items.length) return { ok: false };
    const reasons = [
      ...repeated(value.map(({ principal }) => principal)).map(
        (name) => `several tokens have the name "${name}"; allowed is one each, as NAME=TOKEN`,
      ),
      ...repeated(value.map(({ token }) => token)).map(() => "one token has several names; allowed is one"),
    ];
    return reasons.length === 0 ? { ok: true, value } : { ok: false, reasons };
  },
};

/** A key that is sent in a header. */
export const secret: Kind<string> = {
  ...single("visible ASCII characters without spaces", "KEY", (text) => (isVisible(text) ? text : undefined)),
  show: hide,
};

/** The fewest characters of a secret that whoever reaches the server can try out as often as they like. */
export const minSecretLength = 32;

export const longSecret: Kind<string> = {
  ...single(`at least ${minSecretLength} visible ASCII characters without spaces`, "SECRET", (text) =>
    text.length >= minSecretLength && isVisible(text) ? text : undefined,
  ),
  show: hide,
};

/** A bearer token of the same length. */
export const longToken: Kind<string> = {
  ...single(`at least ${minSecretLength} letters, digits, - . _ ~ + / and = at its end`, "TOKEN", (text) =>
    text.length >= minSecretLength && bearerToken.test(text) ? text : undefined,
  ),
  show: hide,
};

/** RFC 6749 section 3.3. */
export const scopes: Kind<readonly string[]> = list("scope names", (item) =>
  /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(item) ? item : undefined,
);

function isVisible(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function namedTokenOf(item: string): NamedToken | undefined {
  // "abc==" is Base64 with its padding; "abc=" is a name whose token was forgotten.
  const [, name = unnamedPrincipal, token = item] = /^([\w.-]{1,32})=(?!=*$)(.+)$/.exec(item) ?? [];
  const isForgotten = /^[\w.-]{1,32}=$/.test(token);
  return bearerToken.test(token) && !isForgotten ? { principal: name, token } : undefined;
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function hide(): string {
  return "(a secret, not shown)";
}
