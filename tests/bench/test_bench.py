"""That the benchmark works: a few requests through everything. No figure is judged here."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.__main__ import PAGE, PARTS
from bench.check import WrongReplyError, check
from bench.costs import costs
from bench.lanes import HEADERS, LANES, Lane
from bench.page import figure, fill
from bench.plot import Line, chart
from bench.processes import Child
from bench.rig import QUICK, running
from bench.targets import UPSTREAM_PATHS, Target, start_upstream
from bench.upstream import answer

LANE = {lane.name: lane for lane in LANES}
TINY = replace(QUICK, seconds=0.01)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be waited for")


@needs_posix
def test_lanes_through_everything_become_a_table() -> None:
    lanes = [replace(LANE[name], connections=2) for name in ("mm", "json-cm")]
    with running() as rig:
        told = costs(rig, TINY, lanes)
        paced = replace(LANE["paced-cm"], prompt="count to 4 every 10 ms")
        taken = rig.measure(paced, rig.gateway, 3)
    assert [line.split(" | ")[0] for line in told.splitlines()[2:4]] == [
        "| Messages, relayed",
        "| Chat, transcoded, JSON",
    ]
    assert (taken.requests, taken.events, len(taken.lags)) == (3, 3 * 10, 3 * 4)
    assert all(lag > 0 for lag in taken.lags)


@needs_posix
def test_a_wrong_reply_is_not_measured(tmp_path: Path) -> None:
    upstream, port = start_upstream(tmp_path)
    try:
        target = Target("direct", port, upstream)
        check(target, LANE["mm"])
        with pytest.raises(WrongReplyError, match="direct, cm"):
            check(target, LANE["cm"])  # a Chat client, answered in Messages
    finally:
        upstream.stop()


@needs_posix
async def test_the_delay_changes_no_byte(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(len(said)))
        writer.close()

    said = bytes(range(256)) * 2_000
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    delay = Child.python("bench.delay", tmp_path / "delay.log", port)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(delay.line()))
        writer.write(said)
        assert await reader.read(-1) == said
        writer.close()
    finally:
        delay.stop()
        server.close()


@pytest.mark.parametrize(
    "lane", [each for each in LANES if each.streams], ids=lambda lane: lane.name
)
def test_the_events_by_which_cost_is_divided_are_sent(lane: Lane) -> None:
    headers = HEADERS["messages"] | HEADERS["chat"]
    plan = answer(UPSTREAM_PATHS[lane.endpoint], headers, lane.body("glm-4.5").encode())
    paced = plan.pace.count * (plan.pace.before + plan.pace.after) if plan.pace else b""
    assert plan.events == lane.events
    assert (plan.opening + paced + plan.closing).count(b"data: ") == lane.events


def test_only_the_places_of_a_page_change() -> None:
    page = "Prose.\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nMore.\n"
    assert fill(page, {"a": "new"}) == page.replace("old", "new")
    assert fill(fill(page, {"a": "new"}), {"a": "old"}) == page
    with pytest.raises(LookupError):
        fill(page, {"b": "new"})


def test_the_page_has_a_place_for_every_part() -> None:
    fill(PAGE.read_text(), dict.fromkeys(["machine", *PARTS], ""))


@pytest.mark.parametrize("largest", [0.0004, 1, 5_006])
def test_a_chart_shows_every_point_within_its_frame(largest: float) -> None:
    lines = [
        Line("one & two", [(0, largest / 3), (largest, largest)]),
        Line("three", [(0, 0), (largest, largest / 2)]),
    ]
    svg = ET.fromstring(chart("Title <1>", "across", "up", lines))  # noqa: S314 - our own
    circles = svg.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 4
    assert all(0 < float(each.attrib["cx"]) < 640 for each in circles)
    assert all(0 < float(each.attrib["cy"]) < 320 for each in circles)
    assert [float(each.attrib["cy"]) for each in circles[2:]] == sorted(
        [float(each.attrib["cy"]) for each in circles[2:]], reverse=True
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "–"), (0, "0"), (0.0123, "0.012"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_figures_have_three_digits(value: float | None, told: str) -> None:
    assert figure(value) == told
