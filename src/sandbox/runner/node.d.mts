// The type of node.mjs as runner code sees it: imported as text, never run by the host.

declare const source: string;
export default source;
