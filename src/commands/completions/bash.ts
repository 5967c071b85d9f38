// The completions of bash, 3.2 (macOS) and later: no mapfile, and nothing said where there is no compopt.

import { questions, type Words } from "./words.ts";

export function bashScript({ commands, flags }: Words): string {
  const names = [...flags, ...questions].map(({ name }) => name).join(" ");
  const files = flags.filter(({ value }) => value.kind === "file").map(({ name }) => name);
  const texts = flags
    .filter(({ value }) => value.kind === "word" && value.choices.length === 0)
    .map(({ name }) => name);
  const booleans = flags.filter(({ value }) => value.kind === "boolean").map(({ name }) => name);
  const choices = flags.flatMap(({ name, value }) =>
    value.kind === "word" && value.choices.length > 0
      ? [`    ${name}) _msb_mcp_offer "$current" "${value.choices.join(" ")}"; return ;;`]
      : [],
  );
  const ofCommands = commands.map(
    ({ name, operands, switches }) =>
      `    ${name}) operands="${operands.join(" ")}"; flags="$flags ${switches.map((it) => it.name).join(" ")}" ;;`,
  );
  return `# bash completions of msb-mcp. Load them with: source <(msb-mcp completions bash)

_msb_mcp_offer() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$2" -- "$1")
}

_msb_mcp() {
  local current=\${COMP_WORDS[COMP_CWORD]} flag="" hasEquals="" operands="" line word
  local flags="${names}"
  COMPREPLY=()
  # "=" is a word of its own.
  if [ "$current" = "=" ]; then
    current="" flag=\${COMP_WORDS[COMP_CWORD-1]} hasEquals=1
  elif [ "$COMP_CWORD" -gt 2 ] && [ "\${COMP_WORDS[COMP_CWORD-1]}" = "=" ]; then
    flag=\${COMP_WORDS[COMP_CWORD-2]} hasEquals=1
  else
    flag=\${COMP_WORDS[COMP_CWORD-1]}
  fi
  case $flag in
${choices.join("\n")}
    ${files.join("|")})
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
      return ;;
    ${texts.join("|")}) return ;;
    ${booleans.join("|")}) if [ -n "$hasEquals" ]; then _msb_mcp_offer "$current" "true false"; return; fi ;;
  esac
  if [ -n "$hasEquals" ]; then return; fi
  case \${COMP_WORDS[1]-} in
${ofCommands.join("\n")}
  esac
  case $current in
    -*) _msb_mcp_offer "$current" "$flags"; return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    _msb_mcp_offer "$current" "${commands.map(({ name }) => name).join(" ")}"
    return
  fi
  for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
    case " $operands " in *" $word "*) return ;; esac
  done
  _msb_mcp_offer "$current" "$operands"
}

complete -F _msb_mcp msb-mcp
`;
}
