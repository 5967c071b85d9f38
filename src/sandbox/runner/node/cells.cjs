// The user's sources, kept to show the line of an error.

// Sources kept to show the line of an error, in cells and in characters; the oldest go first.
const KEPT_CELLS = 1000;
const KEPT_CHARACTERS = 8 * 1024 * 1024;

const cells = { texts: new Map(), count: 0, characters: 0 };

/** Keeps a source; returns its name. */
function remember(source) {
  cells.count += 1;
  const cell = `cell-${cells.count}`;
  cells.texts.set(cell, source);
  cells.characters += source.length;
  for (const [oldest, text] of cells.texts) {
    if (cells.texts.size <= KEPT_CELLS && (cells.characters <= KEPT_CHARACTERS || cells.texts.size === 1)) break;
    cells.texts.delete(oldest);
    cells.characters -= text.length;
  }
  return cell;
}

/** The text of a cell; undefined if it has gone. */
function textOf(cell) {
  return cells.texts.get(cell);
}

/** What a cell has become, where that has other lines. */
function putText(cell, text) {
  cells.characters += text.length - (textOf(cell)?.length ?? 0);
  cells.texts.set(cell, text);
}

module.exports = { putText, remember, textOf };
