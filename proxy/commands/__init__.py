"""The commands that run or ask the gateway itself (`serve`, `demo`, `health`), and what all
commands are given.
"""

from collections.abc import Callable

Tell = Callable[[str], None]
"""Says a line to whoever typed the command."""
