// The completions of zsh: a function for a folder of $fpath that may be sourced as well.

import { type Flag, questions, quoted, type Words } from "./words.ts";

export function zshScript({ commands, flags }: Words): string {
  const ofCommands = commands.map(
    ({ name, operands, switches }) =>
      `    ${name}) operands=(${operands.join(" ")}); specs+=(${switches.map((it) => quoted(`${it.name}[${escaped(it.summary)}]`)).join(" ")}) ;;`,
  );
  return `#compdef msb-mcp
# zsh completions of msb-mcp. Load them with: source <(msb-mcp completions zsh)
# or save them as _msb-mcp in a folder of $fpath.

_msb_mcp() {
  local -a specs commands operands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  specs=(
${[...flags.map(flagSpec), ...questions.map(({ name, summary }) => `${name}[${escaped(summary)}]`)].map((spec) => `    ${quoted(spec)}`).join("\n")}
  )
  case $words[2] in
${ofCommands.join("\n")}
  esac
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  if (( $#operands )); then
    specs+=('1: :' "2:operand:($operands)")
  elif [[ $words[2] != -* ]]; then
    specs+=('1: :')
  fi
  _arguments -S $specs
}

if [[ $funcstack[1] == _msb-mcp ]]; then
  _msb_mcp "$@"
elif (( $+functions[compdef] )); then
  compdef _msb_mcp msb-mcp
else
  print -u2 'msb-mcp: load the completions after: autoload -U compinit && compinit'
fi
`;
}

function flagSpec({ name, summary, repeatable, value }: Flag): string {
  const start = `${repeatable ? "*" : ""}${name}`;
  const told = `[${escaped(summary)}]`;
  switch (value.kind) {
    case "boolean":
      return `${start}=-${told}::value:(true false)`;
    case "file":
      return `${start}=${told}:${escaped(value.placeholder)}:_files`;
    case "word": {
      const action = value.choices.length > 0 ? `(${value.choices.join(" ")})` : " ";
      return `${start}=${told}:${escaped(value.placeholder)}:${action}`;
    }
  }
}

/** A text within a specification of _arguments. */
function escaped(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&");
}
