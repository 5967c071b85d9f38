#!/bin/sh
# Installs msb-mcp: finds the build for this machine, checks its sum, and puts it into ~/.local/bin. Never asks for root.
#
#   curl -fsSL https://github.com/msb-mcp/msb-mcp/releases/latest/download/install.sh | sh
#   curl -fsSL … | sh -s -- --dir /opt/bin --version 0.1.0
#
# MSB_MCP_BASE_URL names another place that has the releases: BASE/latest/download/FILE and BASE/download/vVERSION/FILE.
# Everything is in functions and main is called by the last line, so that a part of this script does nothing.
set -eu

usage() {
  cat <<'USAGE'
Usage: install.sh [--dir DIR] [--version VERSION]
  --dir DIR          where msb-mcp is put (default: ~/.local/bin)
  --version VERSION  which release (default: the latest)
Environment:
  MSB_MCP_BASE_URL   where the releases are (default: those of github.com/msb-mcp/msb-mcp)
USAGE
}

say() {
  printf '%s\n' "$*" >&2
}

die() {
  say "install.sh: $*"
  exit 1
}

main() {
  base=${MSB_MCP_BASE_URL:-https://github.com/msb-mcp/msb-mcp/releases}
  base=${base%/}
  hide_password
  dir=
  version=latest
  while [ $# -gt 0 ]; do
    case $1 in
      --dir=*) dir=${1#*=} ;;
      --version=*) version=${1#*=} ;;
      --dir | --version)
        [ $# -gt 1 ] || die "$1 needs a value. Type: install.sh --help"
        case $2 in
          -*) die "$1 needs a value, and \"$2\" looks like another option. If it is the value, write $1=$2" ;;
        esac
        if [ "$1" = --dir ]; then dir=$2; else version=$2; fi
        shift
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) die "\"$1\" is not an option of this script. Type: install.sh --help" ;;
    esac
    shift
  done
  if [ -z "$dir" ]; then
    [ -n "${HOME-}" ] || die "HOME is not set, so there is no ~/.local/bin. Name a folder: --dir DIR"
    dir=$HOME/.local/bin
  fi
  # No program takes its name for an option then, and cd looks for it nowhere else.
  case $dir in
    /*) ;;
    *) dir=./$dir ;;
  esac
  version=${version#v}
  case $version in
    "" | *[!0-9A-Za-z.+-]*) die "--version: \"$version\" is not a version; it must be like 0.1.0" ;;
    latest) release=latest/download ;;
    *) release=download/v$version ;;
  esac
  from=$base/$release
  from_shown=$base_shown/$release

  find_target
  find_tools
  prepare_folder
  install_program
}

# Sets $base_shown to $base without what is there before an @: a name and a password.
hide_password() {
  base_shown=$base
  scheme=
  case $base in
    *://*) scheme=${base%%://*}:// ;;
  esac
  rest=${base#"$scheme"}
  authority=${rest%%/*}
  case $authority in
    *@*) base_shown="$scheme***@${authority##*@}${rest#"$authority"}" ;;
  esac
}

# Sets $target to the name of the build for this machine.
find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    MINGW* | MSYS* | CYGWIN* | Windows*)
      die "This script does not install on Windows. Download $from_shown/msb-mcp-windows-x64.zip and unpack msb-mcp.exe from it."
      ;;
    *) no_build ;;
  esac
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) no_build ;;
  esac
  # A shell that macOS translates sees an Intel processor.
  if [ "$os-$arch" = darwin-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
    arch=arm64
  fi
  target=$os-$arch
  if [ "$os" = linux ] && is_musl; then
    target=$target-musl
  fi
}

no_build() {
  die "There is no build of msb-mcp for $system on $machine. There are builds for Linux and macOS on x64 and arm64, and for Windows on x64."
}

# Where both C libraries are, programs of the other one run.
is_musl() {
  for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do
    [ ! -e "$loader" ] || return 1
  done
  for loader in /lib/ld-musl-*.so.1; do
    [ ! -e "$loader" ] || return 0
  done
  return 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

find_tools() {
  if has curl; then
    downloader=curl
  elif has wget; then
    downloader=wget
  else
    die "Neither curl nor wget is here. Install one of them, then try again."
  fi
  if has sha256sum; then
    summer=sha256sum
  elif has shasum; then
    summer=shasum
  elif has openssl; then
    summer=openssl
  else
    die "Nothing here computes SHA-256 sums. Install sha256sum, shasum or openssl, then try again."
  fi
  for tool in tar gzip mktemp; do
    has "$tool" || die "$tool is not here. Install it, then try again."
  done
}

# Everything is made in a folder within $dir, so that putting the program in place is one rename.
prepare_folder() {
  mkdir -p "$dir" 2>/dev/null || die "$dir cannot be made. Name a folder that you may write to: --dir DIR"
  dir=$(cd "$dir" && pwd -P)
  place=$dir/msb-mcp
  [ ! -d "$place" ] || die "$place is a folder. Remove it, or name another place: --dir DIR"
  child=
  work=
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work=$(mktemp -d "$dir/.msb-mcp-install.XXXXXX" 2>/dev/null) ||
    die "$dir cannot be written to. Name a folder that you may write to: --dir DIR"
}

clean_up() {
  trap '' HUP INT TERM
  [ -z "$child" ] || kill "$child" 2>/dev/null || :
  [ -z "$work" ] || rm -rf "$work"
}

install_program() {
  archive=msb-mcp-$target.tar.gz
  say "Downloading $from_shown/$archive …"
  download SHA256SUMS
  download "$archive"
  check_sum "$archive"
  interruptible tar -xzf "$work/$archive" -C "$work" "msb-mcp-$target/msb-mcp" ||
    die "$(why_not_unpacked)"
  rm "$work/$archive"
  program=$work/msb-mcp-$target/msb-mcp
  chmod 755 "$program"
  told=$("$program" --version </dev/null 2>&1) ||
    die "The build for $target does not start on this machine: $(why_not "$told") $place was not changed."
  mv -f "$program" "$place"
  say "Installed $told as $place"
  case :${PATH-}: in
    *:"$dir":*) ;;
    *) say "$dir is not in PATH. Add it: export PATH=$(quoted "$dir"):\"\$PATH\"" ;;
  esac
}

# Of an archive that has the right sum.
why_not_unpacked() {
  if tar -tzf "$work/$archive" "msb-mcp-$target/msb-mcp" >/dev/null 2>&1 </dev/null; then
    printf '%s could not be unpacked in %s. Is there space? %s' "$archive" "$dir" "$(space_left)"
  else
    printf '%s is not a whole archive with msb-mcp in it, although its sum is the one in SHA256SUMS. ' "$archive"
    printf 'The release at %s is broken: report it there. Nothing was installed.' "$base_shown"
  fi
}

# quoted TEXT: as a shell reads it back.
quoted() {
  case $1 in
    *[!A-Za-z0-9/._+-]*) printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf %s "$1" ;;
  esac
}

# why_not OUTPUT: of a program that did not start.
why_not() {
  printf '%s.' "$(printf '%s\n' "${1:-it ended without a word}" | head -n 1)"
  case $target in
    *-musl) printf ' It requires libstdc++; on Alpine: apk add libstdc++.' ;;
  esac
}

# download FILE: into $work.
download() {
  status=0
  case $downloader in
    curl) interruptible curl -fsSL --connect-timeout 30 -o "$work/$1" "$from/$1" || status=$? ;;
    wget) interruptible wget -q -O "$work/$1" "$from/$1" || status=$? ;;
  esac
  case $downloader-$status in
    *-0) ;;
    # What they end with when a file cannot be written.
    curl-23 | wget-3) die "$1 could not be written to $dir. Is there space? $(space_left)" ;;
    *) die "$from_shown/$1 could not be downloaded ($downloader ended with $status). Is the address right, and does that release exist?" ;;
  esac
}

# interruptible COMMAND…: a shell that waits for a program in the foreground hears a signal only after it.
interruptible() {
  "$@" </dev/null &
  child=$!
  ended=0
  wait "$child" || ended=$?
  child=
  return "$ended"
}

space_left() {
  df -Pk "$dir" 2>/dev/null | awk 'NR == 2 { printf "%d MB are free there; 250 MB are needed.", $4 / 1024 }'
}

# check_sum FILE: against its line in SHA256SUMS.
check_sum() {
  wanted=
  cr=$(printf '\r')
  while read -r sum name || [ -n "$sum" ]; do
    name=${name%"$cr"}
    if [ "${name#\*}" = "$1" ]; then wanted=$(printf %s "$sum" | tr A-F a-f); fi
  done <"$work/SHA256SUMS"
  case $wanted in
    "") die "SHA256SUMS in $from_shown has no sum of $1, so it was not installed." ;;
  esac
  # By a name with a backslash in it, the sum would be another text.
  case $summer in
    sha256sum) found=$(sha256sum <"$work/$1") ;;
    shasum) found=$(shasum -a 256 <"$work/$1") ;;
    openssl) found=$(openssl dgst -sha256 -r <"$work/$1") ;;
  esac
  [ "${found%% *}" = "$wanted" ] ||
    die "$1 is not what its release says: its SHA-256 is ${found%% *}, and SHA256SUMS has $wanted. It was not installed. Try again later; if that does not help, report it."
}

main "$@"
