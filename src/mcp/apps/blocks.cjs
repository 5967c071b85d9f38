// What a result has, as elements. Everything in it comes from code that nobody trusts: text stays text, and of HTML only tables' cells are taken.

const pictureTypes = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const maxCells = 20_000;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  return made;
}

function picture(block) {
  if (!pictureTypes.includes(block.mimeType))
    return element("p", `A picture that cannot be shown: ${block.mimeType}`, "size");
  const image = element("img");
  image.alt = "Picture of the run";
  image.src = `data:${block.mimeType};base64,${block.data}`;
  return image;
}

/** The cells of the tables of an HTML text, without anything else of it. */
function tables(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  let cells = 0;
  return [...parsed.querySelectorAll("table")].map((table) => {
    const shown = element("table");
    for (const row of table.rows) {
      const line = shown.insertRow();
      for (const cell of row.cells) {
        cells += 1;
        if (cells <= maxCells) line.append(element(cell.tagName === "TH" ? "th" : "td", cell.textContent ?? ""));
      }
    }
    const frame = element("div", undefined, "scroll");
    frame.append(shown);
    return frame;
  });
}

const sizeUnits = ["bytes", "KB", "MB", "GB", "TB"];

function sizeOf(bytes) {
  if (typeof bytes !== "number") return "";
  const unit = Math.min(sizeUnits.length - 1, Math.max(0, Math.floor(Math.log(bytes || 1) / Math.log(1000))));
  return `${unit === 0 ? bytes : (bytes / 1000 ** unit).toPrecision(3)} ${sizeUnits[unit]}`;
}

/** A file, with what the host can do about it. `download` and `show` are undefined where it cannot. */
function fileItem(link, { download, show }) {
  const item = element("li");
  item.append(element("span", link.name), element("span", sizeOf(link.size), "size"));
  const button = (text, act) => {
    const made = element("button", text);
    made.addEventListener("click", () => act(link, item));
    item.append(made);
  };
  if (show !== undefined && pictureTypes.includes(link.mimeType)) button("Show", show);
  if (download !== undefined) button("Download", download);
  return item;
}

module.exports = { element, fileItem, picture, tables };
