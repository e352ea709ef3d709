"""An echo server on `websockets` that obeys the orders of `src/matrix.rs`; it tells its port and ends with its input."""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def obey(socket):
    try:
        await obey_orders(socket)
    except ConnectionClosed:
        # With a code that is not for a normal end, or dropped.
        pass


async def obey_orders(socket):
    async for message in socket:
        words = message.split(" ") if isinstance(message, str) else [""]
        match words:
            case ["!close"]:
                # Without a code, for which there is no method.
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
    async with serve(obey, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
