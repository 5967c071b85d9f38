// A host of MCP Apps in a browser: the extension's own bridge around a frame with the page that shows results.

import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

type Host = {
  /** Puts the page into a frame and shows it a result; resolves once it has told its size. */
  show(result: string, isInspectable: boolean): Promise<void>;
  /** What the page has asked for, in order. */
  readonly asked: (readonly [what: string, of: unknown])[];
  /** Of the page, as it has told it last. */
  height: number;
};

declare const document: {
  createElement(name: "iframe"): {
    sandbox: { add(...tokens: string[]): void };
    srcdoc: string;
    readonly contentWindow: ConstructorParameters<typeof PostMessageTransport>[1];
  };
  readonly body: { replaceChildren(element: unknown): void };
};
declare const window: { host?: Host };

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==";

const host: Host = {
  asked: [],
  height: 0,
  async show(result, isInspectable) {
    const frame = document.createElement("iframe");
    frame.sandbox.add("allow-scripts", ...(isInspectable ? ["allow-same-origin"] : []));
    document.body.replaceChildren(frame);
    const capabilities = { downloadFile: {}, serverResources: {} };
    const hostContext: Record<string, unknown> = {
      theme: "dark",
      styles: { variables: { "--color-text-primary": "rgb(1, 2, 3)" } },
    };
    const bridge = new AppBridge(null, { name: "host", version: "1" }, capabilities, { hostContext });
    const ready = Promise.withResolvers<void>();
    bridge.oninitialized = () => ready.resolve();
    bridge.ondownloadfile = async ({ contents }) => {
      host.asked.push(["download", contents]);
      return {};
    };
    bridge.onreadresource = async ({ uri }) => {
      host.asked.push(["read", uri]);
      return { contents: [{ uri, mimeType: "image/png", blob: png }] };
    };
    await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
    frame.srcdoc = await (await fetch("/result.html")).text();
    await ready.promise;
    const sized = Promise.withResolvers<void>();
    await bridge.sendToolResult(JSON.parse(result));
    bridge.onsizechange = ({ height }) => {
      host.height = height ?? 0;
      sized.resolve();
    };
    await sized.promise;
  },
};

window.host = host;
