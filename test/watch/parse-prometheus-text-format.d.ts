// The little of parse-prometheus-text-format that exposition.ts uses; the package has no types of its own.

declare module "parse-prometheus-text-format" {
  type Family = {
    readonly name: string;
    readonly help: string;
    readonly type: string;
  };
  /** Throws for a line that is not of the format. */
  export default function parse(text: string): readonly Family[];
}
