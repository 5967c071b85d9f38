// Types of the guest's shell programs, which are imported as text.

declare module "*.sh" {
  const source: string;
  export default source;
}
