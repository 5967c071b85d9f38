# Sourced by the scripts beside it, with $root set. Brings what they need and a machine with only Node/npm, or only
# Bun, does not have: the Bun of package.json in .tools/, the dependencies of bun.lock, the programs of the namespace
# backend. Where all of it is there, it starts nothing but one `cmp`. Says what it does on stderr: stdout may carry MCP.

say() {
  printf '%s\n' "$*" >&2
}

die() {
  say "$@"
  exit 1
}

# heed_usage NAME ARGUMENTS…: with --help, or with an option that `usage` does not tell of, ends the script, before anything is installed.
heed_usage() {
  script=$1
  shift
  for argument; do
    option=${argument%%=*}
    case $option in
      -h | --help)
        usage
        exit 0
        ;;
      -*)
        case $(usage) in
          *[[:space:]]"$option"[[:space:],]*) ;;
          *)
            say "$script: \"$option\" is not an option of this script"
            usage >&2
            exit 2
            ;;
        esac
        ;;
    esac
  done
}

# Sets $bun to the pinned Bun and puts it first in PATH.
bring_bun() {
  pin=$(sed -n 's/.*"packageManager": *"bun@\([^"+]*\).*/\1/p' "$root/package.json")
  [ -n "$pin" ] || die "package.json names no Bun in packageManager"
  bun=$root/.tools/bun-$pin/bin/bun
  if [ ! -x "$bun" ]; then
    found=$(command -v bun || :)
    if [ -n "$found" ] && [ "$("$found" --version 2>/dev/null)" = "$pin" ]; then
      bun=$found
    else
      install_bun
    fi
  fi
  PATH=$(dirname "$bun"):$PATH
  export PATH
}

# From the npm registry. The `bun` package puts its program in place by a postinstall script, which npm may not run, so the
# program is taken from the package of the platform. It appears under its name only once it is known to run.
install_bun() {
  say "Installing Bun $pin in .tools/ …"
  new=$root/.tools/new-$$
  rm -rf "$new"
  mkdir -p "$new/bin"
  echo '{ "private": true }' >"$new/package.json"
  if command -v npm >/dev/null; then
    npm install --prefix "$new" --ignore-scripts --no-audit --no-fund --loglevel=error "bun@$pin" >&2
  elif [ -n "$found" ]; then
    (cd "$new" && "$found" add --ignore-scripts "bun@$pin") >&2
  else
    rm -rf "$new"
    die "Neither npm nor Bun is here. Install Node.js (https://nodejs.org) or Bun (https://bun.com), then try again."
  fi || {
    rm -rf "$new"
    die "Bun $pin could not be had from the npm registry."
  }
  for program in "$new"/node_modules/@oven/bun-*/bin/bun*; do
    if [ "$("$program" --version 2>/dev/null)" = "$pin" ]; then
      mv "$program" "$new/bin/bun"
      rm -rf "$new/node_modules"
      break
    fi
  done
  if [ ! -x "$new/bin/bun" ]; then
    rm -rf "$new"
    die "npm has no Bun $pin that runs on this machine ($(uname -sm))."
  fi
  # Another start of ours may have been faster.
  mv "$new" "$root/.tools/bun-$pin" 2>/dev/null || :
  rm -rf "$new" "$root/.tools/bun-$pin/new-$$"
}

# bring_dependencies [--production]: as bun.lock has them. What was installed last is remembered in node_modules.
bring_dependencies() {
  full=$root/node_modules/.installed.lock
  production=$root/node_modules/.installed-production.lock
  if cmp -s "$root/bun.lock" "$full"; then
    return
  fi
  if [ "${1-}" = --production ] && cmp -s "$root/bun.lock" "$production"; then
    return
  fi
  # A developer's node_modules keeps what only tests need.
  if [ "${1-}" = --production ] && { [ ! -d "$root/node_modules" ] || [ -e "$production" ]; }; then
    stamp=$production
  else
    stamp=$full
    set --
  fi
  say "Installing dependencies …"
  (cd "$root" && "$bun" install --frozen-lockfile "$@") >&2 || die "The dependencies could not be installed."
  cp "$root/bun.lock" "$stamp"
}

# What the namespace backend runs sandboxes with. Its absence is no error here: the server says what it cannot do.
bring_sandbox_programs() {
  bring_programs "The namespace backend" bwrap:bubblewrap prlimit:util-linux python3:python3 node:nodejs
}

# What tests run beside the server. A test that lacks one is skipped by name.
bring_test_programs() {
  bring_programs "The suite of cluster tests" redis-server:redis-server
}

# bring_programs WHO PROGRAM:PACKAGE…
bring_programs() {
  [ "$(uname -s)" = Linux ] || return 0
  who=$1
  shift
  missing=
  packages=
  for pair; do
    if ! command -v "${pair%%:*}" >/dev/null; then
      missing="$missing ${pair%%:*}"
      packages="$packages ${pair#*:}"
    fi
  done
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "$who needs$missing: install them with your system's package manager."
  elif [ "$(id -u)" != 0 ]; then
    say "$who needs$missing. Type: sudo apt-get install$packages"
  else
    say "Installing$packages …"
    # shellcheck disable=SC2086 # a list of package names
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages; } >&2 </dev/null ||
      say "That failed: $who will lack$missing."
  fi
}
