"""A z.ai that lives in the process: both endpoints with their quirks, for demo, tests, self-test.

`serve_simulator(script)` puts it on a socket; `create_simulator(script)` is the bare application.
A `Script` holds what a test wants said next (`Reply`; `Answer` and `Failure`, which suit both
endpoints; `Gate`) and what the simulator has seen (`Received`). Without a script the prompt
decides: see `directives.py`. It shares nothing with the gateway but the table of models: it is the
independent witness.
"""

from proxy.simulator.app import create_simulator
from proxy.simulator.moments import Gate
from proxy.simulator.script import Pause, Received, Reply, Script
from proxy.simulator.serve import Address, serve_simulator
from proxy.simulator.turn import Answer, Failure, ToolCall

__all__ = [
    "Address",
    "Answer",
    "Failure",
    "Gate",
    "Pause",
    "Received",
    "Reply",
    "Script",
    "ToolCall",
    "create_simulator",
    "serve_simulator",
]
