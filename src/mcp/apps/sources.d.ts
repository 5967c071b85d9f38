// Types of the page's parts, which are imported as text.

declare module "*.css" {
  const source: string;
  export default source;
}
