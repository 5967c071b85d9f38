"""An agent of LangChain that has the sandbox as its tools."""

import asyncio
import os

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient

URL = os.environ.get("SANDBOX_URL", "http://localhost:8000/mcp")

TASK = (
    "Set x to 41 in Python. Then, in a second call with the session_id of the first, print x + 1. "
    "Answer with what it printed, and nothing else."
)


async def main() -> None:
    client = MultiServerMCPClient({"sandbox": {"transport": "streamable_http", "url": URL}})
    agent = create_agent("openai:gpt-5-mini", await client.get_tools())
    answer = await agent.ainvoke({"messages": [{"role": "user", "content": TASK}]})
    print(answer["messages"][-1].text)


asyncio.run(main())
