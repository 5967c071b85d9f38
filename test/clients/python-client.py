# The Python SDK as a client that driven.ts drives: python-client.py <mode> <url | command...>

import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters


def say(**line):
    print(json.dumps(line), flush=True)


async def call(client, order):
    async def on_progress(progress, total, message):
        say(id=order["id"], progress=message or "")

    try:
        result = await client.call_tool(
            order["tool"], order["arguments"], progress_callback=on_progress if order["progress"] else None
        )
        say(id=order["id"], result=result.model_dump(mode="json", by_alias=True))
    except MCPError as error:
        say(id=order["id"], error={"code": error.code, "message": error.message})
    except asyncio.CancelledError:
        say(id=order["id"], error={"message": "cancelled"})


async def main():
    mode, target, *arguments = sys.argv[1:]
    server = target if target.startswith("http") else StdioServerParameters(command=target, args=arguments)
    async with Client(server, mode=mode) as client:
        tools = (await client.list_tools()).tools
        say(revision=client.protocol_version, tools=[{"name": tool.name} for tool in tools])
        calls = {}
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            if "cancel" in order:
                calls[order["cancel"]].cancel()
            else:
                calls[order["id"]] = asyncio.create_task(call(client, order))


asyncio.run(main())
