// One result of a run, as it comes from the host: output and pictures in their places, files, and how it ended.

const { ask, listen, tell } = require("./bridge.cjs");
const { element, fileItem, picture, tables } = require("./blocks.cjs");

let host = {};

/** What a text ends with that says how the run is or has ended, apart from what the program wrote. */
function parted(text) {
  const at = Math.max(
    ...["[session ", "[execution-"].map((line) =>
      text.startsWith(line) ? 0 : text.lastIndexOf(`\n${line}`) + 1 || -1,
    ),
  );
  return at < 0 ? { output: text, status: "" } : { output: text.slice(0, at), status: text.slice(at) };
}

/** A text of HTML among what the run has shown is told as it is: its tables are made ones again. */
function outputOf(text, hasHtml) {
  const parts = hasHtml ? text.split(/(<table[\s>][\s\S]*?<\/table>)/i) : [text];
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return tables(part);
    return part.trim() === "" ? [] : [element("pre", part)];
  });
}

function show(result) {
  const content = Array.isArray(result.content) ? result.content : [];
  const hasHtml = (result.structuredContent?.displays ?? []).some((display) => display?.shown_as === "text/html");
  const shown = [];
  const links = [];
  for (const [index, block] of content.entries()) {
    if (block.type === "text") {
      const isLast = !content.slice(index + 1).some(({ type }) => type === "text");
      const { output, status } = isLast ? parted(block.text) : { output: block.text, status: "" };
      shown.push(...outputOf(output, hasHtml));
      if (status !== "") shown.push(element("p", status, result.isError === true ? "status bad" : "status"));
    } else if (block.type === "image") {
      shown.push(picture(block));
    } else if (block.type === "resource_link") {
      links.push(block);
    }
  }
  if (links.length > 0) {
    const list = element("ul");
    list.append(...links.map((link) => fileItem(link, actions())));
    shown.push(list);
  }
  document.body.replaceChildren(...shown);
}

function actions() {
  const { downloadFile, serverResources } = host.hostCapabilities ?? {};
  return {
    download: downloadFile === undefined ? undefined : (link) => void downloaded(link),
    show: serverResources === undefined ? undefined : (link, item) => void showFile(link, item),
  };
}

async function downloaded(link) {
  await ask("ui/download-file", { contents: [{ type: "resource_link", uri: link.uri, name: link.name }] }).catch(
    () => {},
  );
}

async function showFile(link, item) {
  try {
    const { contents } = await ask("resources/read", { uri: link.uri });
    item.after(picture({ mimeType: contents[0].mimeType, data: contents[0].blob }));
  } catch (error) {
    item.append(element("span", error.message, "size"));
  }
}

function dress({ theme, styles }) {
  const root = document.documentElement;
  if (theme === "light" || theme === "dark") root.style.colorScheme = theme;
  for (const [name, value] of Object.entries(styles?.variables ?? {})) {
    if (name.startsWith("--") && typeof value === "string") root.style.setProperty(name, value);
  }
}

listen((method, params) => {
  if (method === "ui/notifications/tool-result") show(params);
  else if (method === "ui/notifications/host-context-changed") dress(params);
  else if (method === "ui/notifications/tool-cancelled")
    document.body.replaceChildren(element("p", "The call was canceled.", "status bad"));
});

ask("ui/initialize", {
  appInfo: { name: "msb-mcp", version: "1" },
  appCapabilities: { availableDisplayModes: ["inline"] },
  protocolVersion: "2026-01-26",
}).then((result) => {
  host = result;
  dress(result.hostContext ?? {});
  tell("ui/notifications/initialized");
  new ResizeObserver(() => {
    const { width, height } = document.documentElement.getBoundingClientRect();
    tell("ui/notifications/size-changed", { width: Math.ceil(width), height: Math.ceil(height) });
  }).observe(document.documentElement);
});
