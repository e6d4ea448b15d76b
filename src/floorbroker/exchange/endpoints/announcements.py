"""Corporate actions: the old announcements of the trading host, and the data host's list.

The words of an announcement's type are those that the official client understands; the
specification writes them with a capital letter, and either is understood in a question.
"""

from datetime import date, timedelta
from uuid import UUID

from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.reference.actions import KINDS, CorporateAction
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.wire.words import (
    choice,
    encode,
    invalid,
    maybe_day,
    number,
    whole,
)

_PATH = "/v2/corporate_actions/announcements"
_TYPES = ("dividend", "merger", "reorg", "spinoff", "split")
_DATE_TYPES = ("declaration_date", "ex_date", "record_date", "payable_date")
_SPAN_MAX = timedelta(days=90)


class Announcements:
    """The handlers of /v2/corporate_actions/announcements and /v1/corporate-actions."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    @property
    def _actions(self) -> list[CorporateAction]:
        return self._server.actions.listed

    def routes(self) -> list[Route]:
        return [
            Route("GET", _PATH, self.announcements),
            Route("GET", f"{_PATH}/{{}}", self.announcement),
            Route("GET", "/v1/corporate-actions", self.corporate_actions),
        ]

    def announcements(self, request: Request) -> Answer:
        query = request.query()
        types = _announced_types(query)
        since, until = _needed_day(query, "since"), _needed_day(query, "until")
        if until < since:
            raise invalid(f"invalid until: {until}; must not be before since, {since}")
        if until - since > _SPAN_MAX:
            raise invalid("the date range is limited to 90 days")
        date_type = choice(query, "date_type", ("", *_DATE_TYPES))
        symbol, cusip = query.get("symbol"), query.get("cusip")
        return Answer(
            body=encode(
                [
                    _announcement_view(action)
                    for action in self._actions
                    if _type_of(action) in types
                    and (not symbol or action.symbol == symbol.upper())
                    and (not cusip or action.cusip == cusip)
                    and _is_dated(action, date_type, since, until)
                ]
            )
        )

    def announcement(self, request: Request) -> Answer:
        text = request.args[0]
        try:
            wanted = str(UUID(text))
        except ValueError:
            raise invalid(f"invalid id: {text}; must be the id of an announcement") from None
        for action in self._actions:
            if action.id == wanted and _type_of(action):
                return Answer(body=encode(_announcement_view(action)))
        raise VenueError(404, 40410000, f"announcement not found for {text}")

    def corporate_actions(self, request: Request) -> Answer:
        """One page, by kind and within a kind by the day on which it is processed."""
        query = request.query()
        try:
            found = self._found(query)
            limit = whole(query, "limit", 100, 1000)
            if choice(query, "sort", ("asc", "desc")) == "desc":
                found.reverse()
        except VenueError as refusal:
            raise VenueError(400, 40010001, refusal.message) from None
        start = _place(found, query.get("page_token"))
        page = found[start : start + limit]
        by_kind: dict[str, list[dict[str, object]]] = {}
        for action in page:
            by_kind.setdefault(KINDS[action.kind].plural, []).append(_action_view(action))
        token = page[-1].id if start + limit < len(found) else None
        return Answer(body=encode({"corporate_actions": by_kind, "next_page_token": token}))

    def _found(self, query: dict[str, str]) -> list[CorporateAction]:
        ids = _names(query, "ids")
        filters = ("symbols", "cusips", "types", "start", "end", "region", "data_quality")
        if ids:
            if any(query.get(name) for name in filters):
                raise invalid(f"ids cannot be combined with {', '.join(filters)}")
            return [action for action in self._actions if action.id in ids]
        types = _names(query, "types")
        if unknown := types - set(KINDS):
            raise invalid(f"invalid types: {min(unknown)}; must be of {', '.join(KINDS)}")
        symbols, cusips = _names(query, "symbols"), _names(query, "cusips")
        today = new_york_date(self._server.now_ns)
        start, end = maybe_day(query, "start") or today, maybe_day(query, "end") or today
        if end < start:
            raise invalid(f"invalid end: {end}; must not be before start, {start}")
        choice(query, "data_quality", ("complete", "all"))
        if choice(query, "region", ("us", "non_us", "all")) == "non_us":
            return []
        return [
            action
            for action in self._actions
            if start <= action.process_date <= end
            and (not types or action.kind in types)
            and (not symbols or action.symbol in symbols)
            and (not cusips or action.cusip in cusips)
        ]


def _names(query: dict[str, str], name: str) -> frozenset[str]:
    return frozenset(filter(None, query.get(name, "").split(",")))


def _announced_types(query: dict[str, str]) -> frozenset[str]:
    types = _names(query, "ca_types")
    if not types:
        raise invalid("ca_types is required")
    types = frozenset(name.lower() for name in types)
    if unknown := types - set(_TYPES):
        raise invalid(f"invalid ca_types: {min(unknown)}; must be of {', '.join(_TYPES)}")
    return types


def _needed_day(query: dict[str, str], name: str) -> date:
    day = maybe_day(query, name)
    if day is None:
        raise invalid(f"{name} is required")
    return day


def _type_of(action: CorporateAction) -> str:
    """The type of its announcement; empty if it has none."""
    announced = KINDS[action.kind].announced
    return announced[0] if announced else ""


def _is_dated(action: CorporateAction, date_type: str, since: date, until: date) -> bool:
    """Whether that date of it, or any of its dates, lies within the bounds."""
    names = (date_type,) if date_type else _DATE_TYPES
    days = (action.details.get(name) for name in names)
    return any(isinstance(day, date) and since <= day <= until for day in days)


def _place(found: list[CorporateAction], token: str | None) -> int:
    """Where the page begins: behind the action that the token names."""
    if not token:
        return 0
    for place, action in enumerate(found, 1):
        if action.id == token:
            return place
    raise VenueError(400, 40010001, f"invalid page_token: {token}")


def _announcement_view(action: CorporateAction) -> dict[str, object]:
    kind = KINDS[action.kind]
    assert kind.announced is not None, "who asks sees to it"
    other = f"{kind.other}_" if kind.other else ""
    cash = action.decimal("cash_rate") or (
        action.decimal("rate") if action.kind in ("cash_dividend", "cash_merger") else None
    )
    view: dict[str, object] = {
        "id": action.id,
        "corporate_action_id": f"{action.cusip}_{action.id[:8]}",
        "ca_type": kind.announced[0],
        "ca_sub_type": kind.announced[1],
        "initiating_symbol": action.symbol,
        "initiating_original_cusip": action.cusip,
        "target_symbol": action.text(f"{other}symbol") or action.symbol,
        "target_original_cusip": action.text(f"{other}cusip") or action.cusip,
        "cash": number(cash) if cash else "0",
    }
    for name in ("old_rate", "new_rate"):
        view[name] = action.text(name) or "1"
    for name in (*_DATE_TYPES, "effective_date"):
        if (day := action.text(name)) is not None:
            view[name] = day
    return view


def _action_view(action: CorporateAction) -> dict[str, object]:
    owner = KINDS[action.kind].owner
    prefix = f"{owner}_" if owner else ""
    view: dict[str, object] = {"id": action.id, f"{prefix}symbol": action.symbol}
    if action.kind != "reverse_split":  # it has an old and a new one among its details
        view[f"{prefix}cusip"] = action.cusip
    return view | dict(action.details) | {"process_date": action.process_date}
