"""Two calls in one session, as plain JSON-RPC over aiohttp."""

import asyncio
import os

import aiohttp

URL = os.environ.get("SANDBOX_URL", "http://localhost:8000/mcp")


async def call(http: aiohttp.ClientSession, tool: str, **arguments: object) -> dict:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    async with http.post(URL, json=request) as response:
        answer = await response.json()
    # The call could not be carried out: no such session, no room, wrong arguments, no token …
    if "error" in answer:
        raise RuntimeError(answer["error"]["message"])
    return answer["result"]["structuredContent"]


async def main() -> None:
    # A run may take as long as its own timeout.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=310)) as http:
        first = await call(http, "execute_code", code="x = 41")
        session = first["session_id"]
        second = await call(http, "execute_code", code="print(x + 1)", session_id=session)
        print(second["stdout"], end="")
        # A program that fails is a result, too: success is False, and stderr has the traceback.
        failed = await call(http, "execute_code", code="1 / 0", session_id=session)
        assert not failed["success"] and "ZeroDivisionError" in failed["stderr"]
        await call(http, "stop_session", session_id=session)


asyncio.run(main())
