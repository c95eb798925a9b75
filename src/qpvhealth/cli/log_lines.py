"""What a command says on stderr, and in a file where one is asked for: plain lines, or one JSON document a line."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

from qpvhealth.cli.output import harmless, logger
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class PlainLines(logging.Formatter):
    """The text of each record, without what a file could command a terminal with."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        return harmless(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON document per log line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        document = {"level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def set_up(*, quiet: bool, verbose: bool, as_json: bool, file: Path | None) -> None:
    """Send messages to stderr, and to ``file`` too. Raises UsageError for a file that cannot be written."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        try:
            handlers.append(logging.FileHandler(file, encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"--log-file {file}: {error.strerror}") from error
    for handler in handlers:
        handler.setFormatter(JsonLines() if as_json else PlainLines())
    log = logger()
    log.handlers, log.propagate = handlers, False
    log.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
