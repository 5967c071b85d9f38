// Types of the guest programs, which are imported as text.

declare module "*.py" {
  const source: string;
  export default source;
}

declare module "*.cjs" {
  const source: string;
  export default source;
}
