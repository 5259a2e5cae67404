"""The files of the live page: their policy, and that nothing else is needed or served."""

import re

import pytest
from conftest import Stack, StackFactory

from proxy import pages
from proxy.live import site

FILES = ["/ui", "/ui/", *(f"/ui/{name}" for name in pages.names(site.PACKAGE))]


@pytest.mark.parametrize("path", FILES)
async def test_it_is_served_under_a_strict_policy(stack: Stack, path: str) -> None:
    response = await stack.get(path)
    assert response.status == 200
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {value for name, value in policy.items() if "-src" in name} == {"'none'", "'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", FILES)
async def test_all_it_needs_is_there_and_nothing_leads_elsewhere(stack: Stack, path: str) -> None:
    text = await (await stack.get(path)).text()
    for named in re.findall(r"[\"'](/(?:ui|docs)/[^\"']+\.\w+)[\"']", text):
        assert (await stack.get(named)).status == 200, named
    text = text.replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|javascript:", text) == []
    unsafe = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
    assert re.findall(rf"{unsafe}|localStorage|sessionStorage|\.cookie", text) == []


async def test_its_files_are_open_and_nothing_else_is_served(start_stack: StackFactory) -> None:
    stack = await start_stack(gateway_key="secret")
    assert [(await stack.get(path)).status for path in FILES] == [200] * len(FILES)
    told = {"x-gateway-key": "secret"}
    for name in ("page.html", "nothing.js", "..%2ffeed.py"):
        assert (await stack.get(f"/ui/{name}")).status == 401
        assert (await stack.get(f"/ui/{name}", headers=told)).status == 404
