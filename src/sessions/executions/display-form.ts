// Of the forms that a display has, the one that is told.

import { pictureTypes } from "../../sandbox/picture.ts";

export type Form = { readonly mediaType: string; readonly content: string };

/** The best first: what is looked at, and then what is read most easily. */
const order = [
  ...pictureTypes,
  ...["text/markdown", "text/latex", "text/plain", "application/json", "text/html", "image/svg+xml"],
];

/** Undefined if there is none that is known. */
export function bestForm(data: Readonly<Record<string, string>>): Form | undefined {
  const forms = order.flatMap((mediaType) => {
    const content = data[mediaType];
    return content === undefined ? [] : [{ mediaType, content }];
  });
  // That a thing has no text of its own is worth less than any form of it: `<IPython.core.display.HTML object>`.
  return forms.find((form) => !isNameOnly(form)) ?? forms[0];
}

function isNameOnly({ mediaType, content }: Form): boolean {
  return mediaType === "text/plain" && /^<[^\n<>]{1,200}>$/.test(content.trim());
}
