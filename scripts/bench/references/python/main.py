"""The reference in Python: the official SDK's server over Streamable HTTP on uvicorn, with one tool that answers as our
get_volume_path does. One path serves the sessions of 2025, and 2026-07-28 without."""

import socket

import uvicorn
from mcp.server import MCPServer
from pydantic import BaseModel


class Volumes(BaseModel):
    volume_mappings: list[str]


server = MCPServer("reference", log_level="ERROR")


@server.tool()
async def get_volume_path() -> Volumes:
    return Volumes(volume_mappings=[])


listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
app = server.streamable_http_app(json_response=True, max_sessions=None)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
