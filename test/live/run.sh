# Sourced by scripts/test and scripts/bench/live.sh, with $root and $bun set. What runs in the emulated machine, and the tests that do.

# live_app: makes the folder $app that the machine gets, in a new $work; there first, where need be, the machine. Ends with 77, having said
# why, where there can be no machine.
live_app() {
  reason=$(bash "$root/test/live/machine" prepare)
  status=$?
  if [ $status -ne 0 ]; then
    echo "No microVMs here: ${reason:-the emulated machine could not be built (status $status)}"
    return $status
  fi
  work=$(mktemp -d) || return 1
  app=$work/app
  mkdir -p "$app/program" "$app/node_modules/@superradcompany" "$app/node_modules/@swc" &&
    "$bun" "$root/scripts/build.ts" --outfile "$app/program/msb-mcp" &&
    cp -R "$root/src" "$root/test" "$root/scripts" "$root/package.json" "$root/tsconfig.json" "$app/" &&
    cp "$bun" "$app/bun" &&
    cp -R "$root/node_modules/microsandbox" "$app/node_modules/" &&
    cp -R "$root/node_modules/@swc/wasm-typescript" "$app/node_modules/@swc/" &&
    cp -R "$root/node_modules/@superradcompany/microsandbox-linux-x64-gnu" "$app/node_modules/@superradcompany/" || return
  # The pip of Debian's python3-venv, for an image without one; where it is missing, what needs it says so.
  mkdir "$app/wheels"
  cp /usr/share/python-wheels/pip-*.whl "$app/wheels/" 2>/dev/null || true
}

# Those that take longest, in this order: begun first, so that no processor is left without work while one of them is on.
longest="contract-survival kills archive contract-node tools contract-host"

# live_tier REPORTS [NAME…]: runs the files of test/live/inside, each in a machine of its own, two at a time where there are two processors;
# prints what they print, and leaves a JUnit report for each in the folder REPORTS. Calls `record NAME STATUS` for each, and counts in $skipped
# those whose machine broke down. Ends with 0, or as live_app does.
live_tier() {
  live_app || return
  folder=$1
  shift
  # Those named .slow take longer than the machine lives as a rule: by name only.
  [ $# -gt 0 ] || set -- $longest $(cd "$root/test/live/inside" && ls *.live.ts | sed -n '/\.slow\./!s/\.live\.ts$//p' | grep -vxF "$(printf '%s\n' $longest)")
  if [ "$(nproc)" -gt 1 ] && [ $# -gt 1 ]; then
    live_lane "$@" &
    live_lane "$@"
    wait $!
  else
    for name in "$@"; do live_file "$name"; done
  fi
  for name in "$@"; do
    [ -s "$work/$name.status" ] || echo 1 >"$work/$name.status"
    [ ! -f "$work/$name.unstable" ] || echo "UNSTABLE: $name failed once and passed when it was tried again"
    if [ "$(cat "$work/$name.status")" -eq 126 ]; then
      echo "SKIPPED: $name: the emulated machine broke down each time, before the tests had ended"
      skipped=$((skipped + 1))
    else
      record "$name" "$(cat "$work/$name.status")"
    fi
  done
  rm -rf "$work"
}

# live_lane NAME…: each file that no other lane has taken, and what it prints once it has ended.
live_lane() {
  for name in "$@"; do
    mkdir "$work/$name.taken" 2>/dev/null || continue
    live_file "$name" >"$work/$name.log" 2>&1
    cat "$work/$name.log"
  done
}

# Leaves the status in $work/NAME.status. The emulation of virtualization breaks the machine down now and then (a fault within its kernel's own fault
# handler), which says nothing of us: five tries. It may break a guest too, and a test with it, so one that fails has a second try, and both are told.
live_file() {
  failures=0
  mib=6144
  # What it shows, it shows within 4 GiB.
  [ "$1" != crowd.slow ] || mib=4096
  for attempt in 1 2 3 4 5; do
    rm -rf "$work/$1.out"
    bash "$root/test/live/machine" run -m $mib -t 1800 -o "$work/$1.out" "$app" -- \
      ./bun test --timeout 900000 --reporter=junit --reporter-outfile=/out/report.xml "./test/live/inside/$1.live.ts"
    status=$?
    cp "$work/$1.out/report.xml" "$folder/$1.xml" 2>/dev/null
    # A breakdown says nothing; it does not undo a failure either.
    [ $status -eq 126 ] && [ $failures -gt 0 ] || echo $status >"$work/$1.status"
    case $status in
      0)
        [ $failures -eq 0 ] || : >"$work/$1.unstable"
        return
        ;;
      126) echo "$1: attempt $attempt of 5 came to nothing" ;;
      *)
        failures=$((failures + 1))
        [ $failures -lt 2 ] || return
        echo "FAILED: $1, which is tried once more"
        ;;
    esac
  done
}
