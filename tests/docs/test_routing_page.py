"""The tables and the arithmetic of the routing page are what the code does."""

import re
from pathlib import Path

import pytest

from proxy.errors import DialectName
from proxy.middlewares.token_scaling import scale_for
from proxy.routing import EndpointName, Route, RoutingPolicy, choose
from proxy.settings import Settings
from proxy.tokens.scale import TokenScaling

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text()
ENDPOINTS: dict[str, EndpointName] = {"Anthropic": "anthropic", "OpenAI": "openai"}
DIALECTS: tuple[DialectName, ...] = ("chat", "messages")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under that line of heads, without their backquotes."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    lines = table.splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines]


ROUTES = rows("Asked | Content | Endpoint | Model | `x-proxy-reason`")
FACTORS = rows("Endpoint, content | Chat client (128,000) | Messages client (200,000)")


@pytest.mark.parametrize(("asked", "content", "endpoint", "model", "reason"), ROUTES)
def test_a_request_goes_where_the_page_says(
    asked: str, content: str, endpoint: str, model: str, reason: str
) -> None:
    name = None if asked == "nothing" else asked
    route = choose(name, has_images=content == "an image", policy=RoutingPolicy())
    told = (ENDPOINTS[endpoint], model, reason)
    assert (route.endpoint, route.model, route.reason) == told


@pytest.mark.parametrize(("where", "chat", "messages"), FACTORS)
def test_the_factors_are_those_of_the_page(where: str, chat: str, messages: str) -> None:
    endpoint, content = where.split(" (", 1)[0].split(", ")
    route = Route(ENDPOINTS[endpoint], "glm-4.5", "glm-4.5", content == "images", "")
    for dialect, told in zip(DIALECTS, (chat, messages), strict=True):
        assert f"× {scale_for(dialect, route, Settings())}" == told


def test_the_factors_of_the_model_itself() -> None:
    mode: TokenScaling = "real"
    route = Route("anthropic", "glm-4.6", "glm-4.6", vision=False, reason="")
    settings = Settings(token_scaling=mode)
    for dialect in DIALECTS:
        assert f"202,752 = {scale_for(dialect, route, settings)}" in PAGE


def test_its_divisions_are_right() -> None:
    """Every `a / b = c`, with c a share or a factor."""
    numbers = re.findall(r"([\d,]+) / ([\d,]+) = ([\d.]+)( %)?", " ".join(PAGE.split()))
    assert len(numbers) >= 6
    for above, below, result, percent in numbers:
        value = int(above.replace(",", "")) / int(below.replace(",", "")) * (100 if percent else 1)
        digits = len(result.rstrip(".").partition(".")[2])
        assert f"{value:.{digits}f}" == result.rstrip(".")
