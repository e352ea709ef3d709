"""An echo server on `websockets` with the commands of `src/interop.rs`.

It prints its port and runs until its standard input closes.
"""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def handle(socket):
    try:
        await run_commands(socket)
    except ConnectionClosed:
        # The client closed with an error code, or the connection was dropped.
        pass


async def run_commands(socket):
    async for message in socket:
        words = message.split(" ") if isinstance(message, str) else [""]
        match words:
            case ["!close"]:
                # No public method sends a Close without a code.
                socket.protocol.send_close()
                socket.send_data()
            case ["!close", code, reason]:
                await socket.close(int(code), reason)
            case ["!ping"]:
                await (await socket.ping("are you there?"))
                await socket.send("pong")
            case ["!drop"]:
                socket.transport.abort()
            case ["!fragments"]:
                await socket.send(["one", "two", "three"])
            case _:
                await socket.send(message)


async def main():
    options = {"subprotocols": ["chat"], "max_size": 64 << 20}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
