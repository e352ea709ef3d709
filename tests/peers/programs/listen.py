"""Starts a program on a port that is listened to already, so that clients need not wait until the program does.

The first argument is a file, or `NAME=VALUE` for the environment. The others are the program. In all of them, `{fd}` and
`{port}` stand for the file descriptor and the port. It prints the port.
"""

import os
import socket
import sys

listener = socket.create_server(("127.0.0.1", 0))
fd, port = listener.fileno(), listener.getsockname()[1]


def fill(text):
    return text.replace("{fd}", str(fd)).replace("{port}", str(port))


target, *program = sys.argv[1:]
if "=" in target:
    name, value = target.split("=", 1)
    os.environ[name] = fill(value)
else:
    with open(target, encoding="utf-8") as file:
        text = file.read()
    with open(target, "w", encoding="utf-8") as file:
        file.write(fill(text))
os.set_inheritable(fd, True)
print(port, flush=True)
os.execv(program[0], [fill(argument) for argument in program])
