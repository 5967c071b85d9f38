// One result of a run, as it comes from the host: output and pictures in their places, files, and how it ended.

const { ask, listen, tell } = require("./bridge.cjs");
const { element, fileItem, picture, tables } = require("./blocks.cjs");

let host = {};

/** The last line of a text that says how the run ended, apart from what the program wrote. */
function parted(text) {
  const at = text.lastIndexOf("\n[session ") + 1 || (text.startsWith("[session ") ? 0 : text.length);
  return { output: text.slice(0, at), status: text.slice(at) };
}

function show(result) {
  const content = Array.isArray(result.content) ? result.content : [];
  const shown = [];
  const links = [];
  for (const [index, block] of content.entries()) {
    if (block.type === "text") {
      const isLast = !content.slice(index + 1).some(({ type }) => type === "text");
      const { output, status } = isLast ? parted(block.text) : { output: block.text, status: "" };
      if (output !== "") shown.push(element("pre", output));
      if (status !== "") shown.push(element("p", status, result.isError === true ? "status bad" : "status"));
    } else if (block.type === "image") {
      shown.push(picture(block));
    } else if (block.type === "resource_link") {
      links.push(block);
    }
  }
  for (const display of result.structuredContent?.displays ?? []) {
    if (typeof display?.html === "string") shown.push(...tables(display.html));
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
