"""An agent of the OpenAI Agents SDK that has the sandbox as its tools."""

import asyncio
import os

from agents import Agent, Runner
from agents.mcp import MCPServerStreamableHttp

URL = os.environ.get("SANDBOX_URL", "http://localhost:8000/mcp")

TASK = (
    "Set x to 41 in Python. Then, in a second call with the session_id of the first, print x + 1. "
    "Answer with what it printed, and nothing else."
)


async def main() -> None:
    # By default the SDK waits 5 seconds for a tool; a first boot and a run may take longer.
    async with MCPServerStreamableHttp(
        name="sandbox", params={"url": URL, "timeout": 310}, client_session_timeout_seconds=310, cache_tools_list=True
    ) as sandbox:
        agent = Agent(name="Coder", model="gpt-5-mini", mcp_servers=[sandbox])
        result = await Runner.run(agent, TASK)
        print(result.final_output)


asyncio.run(main())
