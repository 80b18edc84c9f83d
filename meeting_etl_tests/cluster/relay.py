"""Connections from a port to a Unix socket or back: the way between namespaces that is not cut.

As a program: `relay.py LISTEN CONNECT`, each a port of 127.0.0.1 or the path of a socket.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def relaying(listen: str, connect: str, *under: str) -> Iterator["subprocess.Popen[str]"]:
    """A relay in a process of its own, until the block ends."""
    command = [*under, sys.executable, __file__, listen, connect]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        try:
            yield process
        finally:
            process.kill()


async def relay(listen: str, connect: str) -> None:
    """Until it is killed."""

    async def both_ways(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connect.isdecimal():
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", int(connect))
        else:
            other_reader, other_writer = await asyncio.open_unix_connection(connect)
        await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))

    if listen.isdecimal():
        server = await asyncio.start_server(both_ways, "127.0.0.1", int(listen))
    else:
        server = await asyncio.start_unix_server(both_ways, listen)
    async with server:
        print("listening", flush=True)
        await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(relay(*sys.argv[1:]))
