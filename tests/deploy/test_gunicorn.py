"""Two workers on one port, as `gunicorn --config python:proxy.gunicorn` starts them."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter, deque
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest
from deploy_talk import environment, free_port, held_reply, line_with, live_stream, process

from proxy.simulator import Script, serve_simulator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc whose a socket is")

COMMAND = [sys.executable, "-m", "gunicorn", "--config", "python:proxy.gunicorn", "--workers", "2"]
CONNECTIONS = 40
"""All on one of two workers: once in 2**39 runs."""

STREAMS = 500
"""Less than 40 % of them on one of two workers: once in 100,000 runs."""


def workers(master: Process) -> list[int]:
    children = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text()
    return [int(child) for child in children.split()]


def connections(process_ids: list[int], port: int) -> Counter[int]:
    """Process -> how many established connections to `port` it has accepted."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = f"0100007F:{port:04X}"
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == local and row[3] == "01"}
    return Counter(
        process_id
        for process_id in process_ids
        for descriptor in Path(f"/proc/{process_id}/fd").iterdir()
        if str(descriptor.readlink()) in sockets
    )


async def answers(url: str, session: aiohttp.ClientSession) -> int:
    """The status of `/health`, over a connection that stays open."""
    async with session.get(f"{url}/health") as response:
        await response.read()
        return response.status


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:  # it ended while we were connecting
        return True
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return True


async def test_both_workers_answer_and_a_stream_is_finished_on_sigterm(
    tmp_path: Path,
) -> None:
    gate, reply = held_reply()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as cleanup:
        zai = await cleanup.enter_async_context(serve_simulator(Script(replies=deque([reply]))))
        env = environment(zai, PORT=str(port), LOG_FORMAT="json")
        master = await cleanup.enter_async_context(process(*COMMAND, cwd=tmp_path, env=env))
        for _ in range(2):
            await line_with(master, "worker starts")

        async with AsyncExitStack() as clients:
            sessions = [
                await clients.enter_async_context(aiohttp.ClientSession())
                for _ in range(CONNECTIONS)
            ]
            statuses = await asyncio.gather(*(answers(url, each) for each in sessions))
            assert statuses == [200] * CONNECTIONS
            served = connections(workers(master), port)
            assert len(served) == 2
            assert served.total() == CONNECTIONS

        async with live_stream(url) as stream:
            master.send_signal(signal.SIGTERM)
            while await listens(port):
                pass
            gate.open()
            assert b"message_stop" in await stream.read()
        assert await master.wait() == 0


async def test_workers_share_the_streams(tmp_path: Path) -> None:
    """The system spreads connections over the sockets of one port, about evenly."""
    gate, reply = held_reply()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as cleanup:
        script = Script(replies=deque([reply] * STREAMS))
        zai = await cleanup.enter_async_context(serve_simulator(script))
        env = environment(zai, PORT=str(port), LOG_FORMAT="json")
        master = await cleanup.enter_async_context(process(*COMMAND, cwd=tmp_path, env=env))
        for _ in range(2):
            await line_with(master, "worker starts")
        assert master.stdout is not None
        logs = asyncio.create_task(master.stdout.read())
        async with AsyncExitStack() as clients:
            streams = await asyncio.gather(
                *(clients.enter_async_context(live_stream(url)) for _ in range(STREAMS))
            )
            served = connections(workers(master), port)
            assert served.total() == STREAMS
            assert len(served) == 2
            assert min(served.values()) >= 0.4 * STREAMS
            gate.open()
            told = await asyncio.gather(*(stream.read() for stream in streams))
            assert all(b"message_stop" in end for end in told)
        master.terminate()
        assert (await logs).count(b'"event":"request"') == STREAMS
