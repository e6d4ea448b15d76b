"""The page at /_exchange: one file that asks the exchange for its truth every second."""

import base64
import hashlib
from functools import cache
from importlib import resources
from string import Template

from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.look.truth import Connections, Truth
from floorbroker.exchange.wire.words import encode

_HTML = (b"content-type", b"text/html; charset=UTF-8")
_ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Look:
    """The handlers of the page and of the truth that it shows."""

    def __init__(self, server: ExchangeServer, connections: Connections) -> None:
        self._truth = Truth(server, connections)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/_exchange", self.page),
            Route("GET", "/_exchange/", self.page),
            Route("GET", "/_exchange/look", self.look),
        ]

    def page(self, request: Request) -> Answer:
        """Nothing of the exchange is in it: what clients said comes as JSON and is set as text."""
        html, policy = _page()
        headers = (*_ALWAYS, (b"content-security-policy", policy))
        return Answer(body=html, headers=headers, content_type=_HTML)

    def look(self, request: Request) -> Answer:
        return Answer(body=encode(self._truth.view()), headers=_ALWAYS)


@cache
def _page() -> tuple[bytes, bytes]:
    """The page, and a policy under which nothing runs or loads but what is in it."""
    style, script = _part("page.css"), _part("page.js")
    html = Template(_part("page.html")).substitute(style=style, script=script)
    policy = (
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:"
    )
    return html.encode(), policy.encode()


def _part(name: str) -> str:
    return resources.files("floorbroker.exchange.look").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
