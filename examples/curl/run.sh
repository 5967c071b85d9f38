#!/bin/sh
# Two calls in one session, with nothing but curl.
set -eu

url=${SANDBOX_URL:-http://localhost:8000/mcp}

# call ARGUMENTS: runs code; prints the whole answer.
call() {
  curl --silent --show-error --fail "$url" --header 'Content-Type: application/json' --data-binary \
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_code","arguments":'"$1"'}}'
}

# The id of the new session is in the answer of the first call.
session=$(call '{"code":"x = 41"}' | sed -n 's/.*"session_id":"\(session-[^"]*\)".*/\1/p')

# With it, the second call finds the variable of the first. The text of a result is its first block.
answer=$(call '{"code":"print(x + 1)","session_id":"'"$session"'"}')
printf '%s\n' "$answer" | sed 's/.*"content":\[{"type":"text","text":"\([^"]*\)\\n".*/\1/'
