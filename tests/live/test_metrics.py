"""`GET /metrics`: counters move by what happens, gauges say what is so, labels stay few."""

import asyncio
from typing import Any

import pytest
from conftest import KEY, Stack, StackFactory
from live_talk import COUNT, PATHS, Ends, ask, held, post, scrape
from prometheus_client.parser import text_string_to_metric_families

from proxy import Settings, create_app
from proxy.simulator import Gate, Reply

WHERE = "dialect=messages,endpoint=anthropic"
GENERATE = "operation=generate"


async def asked(stack: Stack, content: str = "Hello", **more: Any) -> int:
    """A request that is over for the metrics too; its status."""
    ends = Ends(stack.app)
    response = await stack.post(PATHS[more.pop("dialect", "messages")], ask(content, **more))
    await ends.reach(1)
    return response.status


async def test_it_parses_and_names_follow_the_conventions(stack: Stack) -> None:
    await asked(stack)
    response = await stack.get("/metrics")
    assert response.content_type == "text/plain"
    families = list(text_string_to_metric_families(await response.text()))
    ours = [family for family in families if family.name.startswith("anthropic_proxy_")]
    assert len(ours) > 10
    for family in ours:
        assert family.documentation
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        for sample in family.samples if family.type == "counter" else ():
            assert sample.name.endswith(("_total", "_created"))


async def test_openmetrics_on_request(stack: Stack) -> None:
    accept = "application/openmetrics-text;version=1.0.0"
    response = await stack.get("/metrics", headers={"accept": accept})
    assert response.content_type == "application/openmetrics-text"
    assert (await response.text()).endswith("# EOF\n")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", ["messages", "chat"])
@pytest.mark.parametrize("endpoint", ["anthropic", "openai"])
async def test_a_request_is_counted_where_it_went(
    stack: Stack, dialect: str, endpoint: str, stream: bool
) -> None:
    assert await asked(stack, dialect=dialect, model=f"glm-4.6-{endpoint}", stream=stream) == 200
    found = await scrape(stack)
    where = f"dialect={dialect},endpoint={endpoint}"
    requests = f"requests_total{{{where},model=glm-4.6,{GENERATE},status=2xx}}"
    assert found[requests] == 1
    assert found[f"request_duration_seconds_count{{{where},{GENERATE}}}"] == 1
    assert found[f"time_to_first_event_seconds_count{{{where}}}"] == 1


async def test_tokens_are_counted_as_they_came_and_as_they_were_told(stack: Stack) -> None:
    ends, gate = Ends(stack.app), Gate()
    gate.open()
    stack.script.replies.append(held(gate))
    await stack.post(PATHS["chat"], ask())
    await ends.reach(1)
    found = await scrape(stack)
    told = "dialect=chat,endpoint=anthropic"
    values = {
        (count, kind): found[f"tokens_total{{count={count},{told},kind={kind},model=glm-4.5}}"]
        for count in ("raw", "scaled")
        for kind in ("input", "cache_read", "output")
    }
    assert values == {
        ("raw", "input"): 700,
        ("raw", "cache_read"): 300,
        ("raw", "output"): 50,
        ("scaled", "input"): 448,
        ("scaled", "cache_read"): 192,
        ("scaled", "output"): 32,
    }


async def test_counting_tokens_is_an_operation_of_its_own(stack: Stack) -> None:
    ends = Ends(stack.app)
    await stack.post(COUNT, ask())
    await ends.reach(1)
    found = await scrape(stack)
    assert found[f"requests_total{{{WHERE},model=glm-4.5,operation=count_tokens,status=2xx}}"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [("error 1302", "1302"), ("error 1308", "1308"), ("error 500", "other"), ("cut", None)],
)
async def test_errors_of_zai_are_counted_by_code(
    stack: Stack, content: str, code: str | None
) -> None:
    await asked(stack, content)
    found = await scrape(stack)
    codes = {name: value for name, value in found.items() if name.startswith("upstream_errors_to")}
    if code is None:
        assert len(codes) == 1
        assert "=upstream_" in next(iter(codes))
    else:
        assert codes == {f"upstream_errors_total{{code={code}}}": 1}


async def test_a_refusal_by_the_gateway_is_no_error_of_zai(stack: Stack) -> None:
    ends = Ends(stack.app)
    response = await stack.post(PATHS["messages"], b"{")
    await ends.reach(1)
    found = await scrape(stack)
    assert response.status == 400
    where = "dialect=messages,endpoint=none,model=none"
    assert found[f"requests_total{{{where},{GENERATE},status=4xx}}"] == 1
    assert not [name for name in found if name.startswith("upstream_errors_total")]


async def test_changes_and_retries_are_counted(start_stack: StackFactory) -> None:
    stack = await start_stack(retry_seconds=5.0)
    stack.script.replies.append(_refusal())
    assert await asked(stack, max_tokens=10_000_000) == 200
    found = await scrape(stack)
    assert found["changed_requests_total"] == 1
    assert found["upstream_retries_total"] == 1
    assert found["upstream_errors_total{code=1302}"] == 1
    assert found["mended_tool_calls_total"] == 0


def _refusal() -> Reply:
    return Reply.json({"error": {"code": "1302", "message": "No."}}, 429)


async def test_gauges_say_what_is_so(start_stack: StackFactory) -> None:
    stack = await start_stack(upstream_concurrency="1")
    ends, gates = Ends(stack.app), [Gate(), Gate()]
    stack.script.replies += [held(gate) for gate in gates]

    async def standing() -> list[float]:
        found = await scrape(stack)
        return [found[name] for name in ("open_replies", "gate_active", "gate_waiting")]

    assert await standing() == [0, 0, 0]
    async with post(stack) as first:
        await gates[0].reached()
        second = asyncio.create_task(stack.post(PATHS["messages"], ask()))
        while (await standing())[0] < 2:  # the second arrives while we ask
            pass
        assert await standing() == [2, 1, 1]
        gates[0].open()
        await first.read()
        await gates[1].reached()
        gates[1].open()
        await second
    await ends.reach(2)
    assert await standing() == [0, 0, 0]


async def test_labels_do_not_grow_with_what_clients_say(stack: Stack) -> None:
    """A name in a label is a known model's: anybody could invent a million others."""
    ends = Ends(stack.app)
    for number in range(5):
        await stack.post(PATHS["messages"], ask(model=f"invented-{number}"))
        await stack.post(f"/nowhere/{number}", {})
    await ends.reach(10)
    found = await scrape(stack)
    assert found[f"requests_total{{{WHERE},model=other,{GENERATE},status=4xx}}"] == 5
    assert "invented" not in str(found)
    assert "nowhere" not in str(found)


async def test_it_tells_no_key_and_no_prompt(stack: Stack) -> None:
    await asked(stack, "sk-canary-prompt", system="sk-canary-system")
    text = await (await stack.get("/metrics")).text()
    assert KEY not in text
    assert "canary" not in text


async def test_it_is_guarded_like_the_api(start_stack: StackFactory) -> None:
    stack = await start_stack(gateway_key="secret")
    assert (await stack.get("/metrics")).status == 401
    assert (await stack.get("/metrics", headers={"authorization": "Bearer secret"})).status == 200


async def test_two_applications_in_a_process_count_apart(start_stack: StackFactory) -> None:
    one, other = await start_stack(), await start_stack()
    await asked(one)
    assert [name for name in await scrape(one) if name.startswith("requests_total")]
    assert not [name for name in await scrape(other) if name.startswith("requests_total")]


def test_an_application_that_never_ran_can_be_made_twice() -> None:
    create_app(Settings())
    create_app(Settings())
