"""For people who test a tool against GLM: the gateway in front of a scripted z.ai, on loopback.

`serve_glm()` lives in the event loop of the test, `serve_glm_in_thread()` beside tests, SDKs and
subprocesses that have none. Both give a `Glm`: where to send requests, what z.ai says next, and
what has reached it. `plugin.py` has the same as a pytest fixture and is all that needs pytest.
"""

from proxy.simulator import Failure, Gate, Received, Reply, ToolCall
from proxy.testing.glm import Glm, serve_glm, serve_glm_in_thread, wait

__all__ = [
    "Failure",
    "Gate",
    "Glm",
    "Received",
    "Reply",
    "ToolCall",
    "serve_glm",
    "serve_glm_in_thread",
    "wait",
]
