"""A chat server for the examples: sends each text to all members of its room, and serves the folder `dist`.

pip install aiohttp; python3 chat_server.py [PORT]
"""

import asyncio
import contextlib
import os
import sys

from aiohttp import WSCloseCode, WSMsgType, web

rooms = {}


async def chat(request):
    socket = web.WebSocketResponse(heartbeat=30)
    await socket.prepare(request)
    room = rooms.setdefault(request.query["id"], set())
    room.add(socket)
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            for member in list(room):
                # A member that is closing is removed by its own task.
                with contextlib.suppress(ConnectionError):
                    await member.send_str(message.data)
    finally:
        room.discard(socket)
    return socket


async def stop(_app):
    # Without this, Ctrl-C would wait for as long as there are members.
    members = [member for room in rooms.values() for member in room]
    await asyncio.gather(*(member.close(code=WSCloseCode.GOING_AWAY) for member in members))


async def page(_request):
    return web.FileResponse("dist/index.html")


# A native chat has no page, and then the folder stays empty.
os.makedirs("dist", exist_ok=True)
app = web.Application()
app.on_shutdown.append(stop)
app.add_routes([web.get("/ws", chat), web.get("/", page), web.static("/", "dist")])
# On all interfaces, `host="0.0.0.0"`.
web.run_app(app, host="localhost", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
