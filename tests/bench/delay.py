"""A forwarder that makes the upstream far away: bytes arrive 50 ms after they were sent, each way.

On loopback the kernel shakes hands at once, which over a distance takes a round trip as well; so
the first bytes of a client wait for one before they set out.

`python -m bench.delay PORT` forwards to that port and says its own.
"""

import asyncio
import contextlib
import sys
from typing import Final

from bench.clock import run

ONE_WAY_SECONDS: Final = 0.05
_READ: Final = 64 * 1024


async def _carry(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, not_before: float
) -> None:
    """All bytes of one direction, in order; what is read waits in a queue, not in the way."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        data = b"-"
        while data:
            try:
                data = await source.read(_READ)
            except ConnectionError:
                data = b""
            under_way.put_nowait((max(loop.time(), not_before) + ONE_WAY_SECONDS, data))

    reading = asyncio.create_task(read())
    while True:
        due, data = await under_way.get()
        await asyncio.sleep(due - loop.time())
        if not data:
            break
        sink.write(data)
    await reading
    sink.close()


async def main(port: int) -> None:
    """Forward until the end of the process."""
    loop = asyncio.get_running_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hands_shaken = loop.time() + 2 * ONE_WAY_SECONDS
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(
                _carry(reader, far_writer, hands_shaken), _carry(far_reader, writer, 0.0)
            )

    serving = await asyncio.start_server(connected, "127.0.0.1", 0)
    sys.stdout.write(f"{serving.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await serving.serve_forever()


if __name__ == "__main__":
    run(main(int(sys.argv[1])))
