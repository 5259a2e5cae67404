"""The pytest plugin as another project meets it: pytest in a process, with no other plugin."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["proxy.testing.plugin"]'
SETTINGS = """
import pytest

QUESTION = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def glm_settings():
    return {"model_map_json": '{"mine": "glm-4.6"}', "openai_expected_tokens": 1000}


def test_settings(glm):
    import json, urllib.request

    headers = {"authorization": f"Bearer {glm.key}"}
    body = json.dumps({"model": "mine", "messages": QUESTION}).encode()
    asked = urllib.request.Request(f"{glm.chat_url}/chat/completions", body, headers)
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["x-proxy-token-scale"] == "0.005"
    assert glm.requests[0].body["model"] == "glm-4.6"


class TestOfOneClass:
    @pytest.fixture
    def glm_settings(self):
        return {"gateway_key": "secret"}

    def test_settings(self, glm):
        import urllib.error, urllib.request

        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{glm.chat_url}/models")
        caught.value.close()
        assert caught.value.code == 401
"""
ALONE = """
import threading

import pytest

before = set(threading.enumerate())


@pytest.mark.parametrize("number", [1, 2])
def test_each_has_its_own(glm, number):
    assert not glm.requests
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"glm_0"}
    glm.will_answer("for nobody")


def test_nothing_is_left():
    assert set(threading.enumerate()) == before
"""
WITHOUT = """
import sys
sys.modules["pytest"] = None  # importing it fails
import proxy.testing
with proxy.testing.serve_glm_in_thread() as glm:
    assert glm.url
print(sorted({"aioresponses", "hypothesis", "openai", "anthropic"} & sys.modules.keys()))
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project that asks for the plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    return pytester


def test_settings_are_overridden_like_any_fixture(project: pytest.Pytester) -> None:
    project.makepyfile(SETTINGS)
    project.runpytest_subprocess().assert_outcomes(passed=2)


def test_every_test_has_its_own_and_leaves_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(ALONE)
    project.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_wrong_settings_are_told(project: pytest.Pytester) -> None:
    settings = SETTINGS.replace('"gateway_key": "secret"', '"forward_client_key": False')
    project.makepyfile(settings)
    outcome = project.runpytest_subprocess()
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*SettingsError: The configuration is wrong:*"])


def test_nobody_else_is_given_the_fixture(project: pytest.Pytester) -> None:
    """The plugin is no entry point: without the line in `conftest.py` there is no `glm`."""
    project.makeconftest("")
    project.makepyfile("def test_it(glm): pass")
    outcome = project.runpytest_subprocess()
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*fixture 'glm' not found*"])


def test_pytest_is_needed_for_the_plugin_only() -> None:
    command = [sys.executable, "-c", WITHOUT]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout.strip()) == (0, "[]"), told.stderr
