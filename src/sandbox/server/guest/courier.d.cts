// The type of courier.cjs as the adapter sees it: imported as text, never run by the host.

declare const source: string;
export default source;
