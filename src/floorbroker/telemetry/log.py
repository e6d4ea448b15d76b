"""What is told on standard error: warnings alone, a line of key=value each, by one logger.

The package sets nothing up: without a handler Python prints the lines as they are.
"""

import json
import logging

_log = logging.getLogger("floorbroker")


def warn(event: str, **fields: object) -> None:
    """Tell of an event; a field without a value is left out."""
    _log.warning("%s", line(event, fields))


def line(event: str, fields: dict[str, object]) -> str:
    """One printable line, whatever the values hold."""
    pairs = (f"{key}={_text(value)}" for key, value in fields.items() if value not in (None, ""))
    return " ".join((f"event={event}", *pairs))


def _text(value: object) -> str:
    text = f"{value}"
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' "=')
    return text if is_plain else json.dumps(text)
