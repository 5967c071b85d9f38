// The type of node-main.cjs as runner code sees it: imported as text, never run by the host.

declare const source: string;
export default source;
