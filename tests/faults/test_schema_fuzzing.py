"""The API document against the running gateway, by a fuzzer that knows nothing but the document.

Whatever it makes of the schemas, valid or not: no 500 of the gateway's own making, and every answer
is one that the document tells.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from conftest import KEY
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, CheckContext, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from proxy.openapi.document import document as openapi_document
from proxy.testing import serve_glm_in_thread

EXAMPLES = 20
HEADERS = {"authorization": f"Bearer {KEY}"}
METHODS = ("get", "post", "head")
ENDLESS = "/ui/events"
"""A stream that ends only with the gateway; `tests/live` reads it."""

OPERATIONS = [
    (method, path)
    for path, item in openapi_document()["paths"].items()
    for method in item
    if method in METHODS and path != ENDLESS
]


def json_conformance(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Streams are validated event by event in `tests/docs`: their schema is that of the data."""
    if "text/event-stream" in str(response.headers.get("content-type")):
        return None
    return response_schema_conformance(ctx, response, case)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    json_conformance,
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A gateway in front of the simulator, in a thread of its own: the fuzzer blocks."""
    with serve_glm_in_thread() as glm:
        yield glm.url


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_the_document_tells(url: str, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_dict(openapi_document())
    operation = schema[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def fuzz(case: Case[Any]) -> None:
        case.call_and_validate(base_url=url, headers=HEADERS, checks=CHECKS, timeout=30)

    fuzz()
