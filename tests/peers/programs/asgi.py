"""An echo server on hypercorn, with the commands of `src/interop.rs` that ASGI can express: `!close` and `!drop`.

Its arguments are, for TLS, the files of a certificate and its key. It prints its port and runs until its standard input
closes.
"""

import asyncio
import socket
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


class Dropped(Exception):
    """The connection ends without a Close."""


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    subprotocol = "chat" if "chat" in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    while True:
        event = await receive()
        if event["type"] != "websocket.receive":
            return
        words = (event.get("text") or "").split(" ")
        match words:
            case ["!close"]:
                await send({"type": "websocket.close"})
                return
            case ["!close", code, reason]:
                await send({"type": "websocket.close", "code": int(code), "reason": reason})
                return
            case ["!drop"]:
                raise Dropped
            case _:
                await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.websocket_max_message_size = 64 << 20
    config.errorlog = None
    if len(sys.argv) > 1:
        config.certfile, config.keyfile = sys.argv[1:]
    stop = asyncio.Event()
    # Clients that connect from here on wait until the server accepts them.
    print(listener.getsockname()[1], flush=True)
    serving = asyncio.create_task(serve(application, config, shutdown_trigger=stop.wait))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stop.set()
    await serving


asyncio.run(main())
