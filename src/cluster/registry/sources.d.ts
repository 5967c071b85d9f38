// Types of the scripts, which are imported as text.

declare module "*.lua" {
  const source: string;
  export default source;
}
