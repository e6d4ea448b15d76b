"""`floorbroker exchange look`: what a running exchange holds, as tables."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from floorbroker.cli.root import DONE, Json, say_json
from floorbroker.domain.errors import BrokerUnreachable, ConfigError

DEFAULT_URL = "http://127.0.0.1:8899"
_PATH = "/_exchange/look"
_ANSWER_S = 10.0


def look(*, url: str = DEFAULT_URL, json: Json = False) -> int:
    """Show the market, accounts, orders, fills, streams and faults of a running exchange.

    Example: floorbroker exchange look --url http://127.0.0.1:8899

    Parameters
    ----------
    url
        where the exchange answers, as it said when it was ready
    """
    truth = fetched(url)
    if json:
        say_json(truth)
        return DONE
    from floorbroker.cli.exchange.sheets import truth_view
    from floorbroker.cli.sheet import show

    show(truth_view(truth))
    return DONE


def fetched(url: str) -> dict[str, Any]:
    """Ask the exchange: straight, whatever proxy the machine has. Raises ConfigError."""
    place = urlsplit(url)
    try:
        is_url = place.scheme == "http" and bool(place.hostname) and place.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ConfigError(f"--url: {url!r} must be the URL of an exchange, such as {DEFAULT_URL}")
    try:
        with closing(HTTPConnection(place.netloc, timeout=_ANSWER_S)) as connection:
            connection.request("GET", _PATH)
            answer = connection.getresponse()
            status, raw = answer.status, answer.read()
    except (OSError, HTTPException) as problem:
        raise BrokerUnreachable(
            f"no exchange answers at {url} ({problem}); start one: floorbroker exchange"
        ) from None
    try:
        truth = json.loads(raw)
    except ValueError:
        truth = None
    if status != 200 or not isinstance(truth, dict) or "clock" not in truth:
        raise BrokerUnreachable(f"what answers at {url} is no exchange of floorbroker ({status})")
    return truth
