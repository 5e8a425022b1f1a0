"""The log of a process, on standard error: lines for people, or a JSON object a line for programs."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

from ...domain.wire_names import camel

_FIELDS: Final = "playtime_fields"
"""The attribute of a record with a function that returns its fields, as adapters/http/access_log.py sets it."""
_LINE: Final = "%(asctime)s %(name)s %(message)s"


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON: time, level, logger, message, and the fields of a request."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {camel(name): value for name, value in getattr(record, _FIELDS, dict)().items()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(form: str) -> None:
    """Write the log of this process to standard error as "text" or as "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(_LINE))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
