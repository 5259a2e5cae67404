"""Logging set up once: JSON lines on stdout for machines, one readable line on a terminal."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from pythonjsonlogger.msgspec import MsgspecFormatter

from proxy.request_line import RequestLine
from proxy.settings import Settings

_encode: Final = msgspec.json.Encoder().encode
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class ConsoleFormatter(logging.Formatter):
    """Time, level, event, then every extra field as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        if isinstance(record.msg, RequestLine):
            return f"{self.formatTime(record, self.datefmt)} {record.msg}"
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        fields = " ".join(f"{key}={value}" for key, value in extra.items())
        return f"{super().format(record)} {fields}".rstrip()


class JsonFormatter(MsgspecFormatter):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        if isinstance(record.msg, RequestLine):
            return _encode(record.msg).decode()
        return super().format(record)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Take all fields at once; the library's own way calls a function for each."""
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["event"] = record.message
        log_data.update(message_dict)
        log_data.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        log_data["time"] = datetime.fromtimestamp(record.created, tz=UTC)


def configure(settings: Settings) -> None:
    """Log everything of the process to stdout, in the configured format and from the level on."""
    handler = logging.StreamHandler(sys.stdout)
    readable = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stdout.isatty()
    )
    handler.setFormatter(ConsoleFormatter() if readable else JsonFormatter())
    # Who logged, and in which thread, is in no line of ours, and costs a walk over the stack.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").disabled = True
