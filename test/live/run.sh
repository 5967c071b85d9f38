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
  mkdir -p "$app/program" "$app/node_modules/@superradcompany" &&
    "$bun" "$root/scripts/build.ts" --outfile "$app/program/msb-mcp" &&
    cp -R "$root/src" "$root/test" "$root/scripts" "$root/package.json" "$root/tsconfig.json" "$app/" &&
    cp "$bun" "$app/bun" &&
    cp -R "$root/node_modules/microsandbox" "$app/node_modules/" &&
    cp -R "$root/node_modules/@superradcompany/microsandbox-linux-x64-gnu" "$app/node_modules/@superradcompany/"
}

# live_tier REPORTS [NAME…]: runs the files of test/live/inside, each in a machine of its own; prints what they print, and leaves a JUnit report for
# each in the folder REPORTS. Calls `record NAME STATUS` for each, and counts in $skipped those whose machine broke down. Ends with 0, or as
# live_app does.
live_tier() {
  live_app || return
  folder=$1
  shift
  # Those named .slow take longer than the machine lives as a rule: by name only.
  [ $# -gt 0 ] || set -- $(cd "$root/test/live/inside" && ls *.live.ts | grep -v '\.slow\.' | sed 's/\.live\.ts$//')
  for name in "$@"; do
    live_file "$name"
    status=$?
    if [ $status -eq 126 ]; then
      echo "SKIPPED: $name: the emulated machine broke down each time, before the tests had ended"
      skipped=$((skipped + 1))
    else
      record "$name" $status
    fi
  done
  rm -rf "$work"
}

# The emulation of virtualization breaks the machine down now and then (a fault within its kernel's own fault handler), which says nothing of us.
live_file() {
  for attempt in 1 2 3 4 5; do
    bash "$root/test/live/machine" run -m 6144 -t 1200 "$app" -- \
      ./bun test --timeout 300000 --reporter=junit --reporter-outfile=/out/report.xml "./test/live/inside/$1.live.ts"
    status=$?
    cp "$app.out/report.xml" "$folder/$1" 2>/dev/null
    [ $status -eq 126 ] || break
    echo "$1: attempt $attempt of 5 came to nothing"
  done
  return $status
}
