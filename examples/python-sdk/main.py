"""Two calls in one session, with the official MCP SDK for Python. Output is shown while the program runs."""

import asyncio
import os
import sys

from mcp import Client

URL = os.environ.get("SANDBOX_URL", "http://localhost:8000/mcp")


async def show(progress: float, total: float | None, message: str | None) -> None:
    print(message, end="", file=sys.stderr, flush=True)


async def main() -> None:
    async with Client(URL) as client:
        first = await client.call_tool("execute_code", {"code": "x = 41"})
        session = first.structured_content["session_id"]
        second = await client.call_tool(
            "execute_code", {"code": "print(x + 1)", "session_id": session}, progress_callback=show
        )
        print(second.structured_content["stdout"], end="")
        await client.call_tool("stop_session", {"session_id": session})


asyncio.run(main())
