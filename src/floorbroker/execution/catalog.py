"""The algorithms by name, and the reading of what people ask of them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from floorbroker.domain.amounts import Amount, decode_amount, exact
from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.auction import CLOSE, OPEN
from floorbroker.execution.algos.iceberg import ICEBERG
from floorbroker.execution.algos.pegged import PEGGED
from floorbroker.execution.algos.port import (
    Algorithm,
    Decide,
    MarketView,
    Need,
    ParentRequest,
    VolumeCurve,
    Within,
)
from floorbroker.execution.algos.pov import POV
from floorbroker.execution.algos.shortfall import SHORTFALL
from floorbroker.execution.algos.sniper import SNIPER
from floorbroker.execution.algos.twap import TWAP
from floorbroker.execution.algos.vwap import VWAP
from floorbroker.execution.mechanics.slices import volume_between

Catalog = Mapping[str, Algorithm]
#: Somebody's own, by name.
Own = Mapping[str, Algorithm | Decide]

#: What is shipped.
SHIPPED: Catalog = MappingProxyType(
    {
        "twap": TWAP,
        "vwap": VWAP,
        "pov": POV,
        "is": SHORTFALL,
        "iceberg": ICEBERG,
        "pegged": PEGGED,
        "sniper": SNIPER,
        "close": CLOSE,
        "open": OPEN,
    }
)


def catalog_of(own: Own | None = None) -> Catalog:
    """The shipped algorithms and somebody's own: a bare function is one without parameters.

    Raises InvalidOrder for a name that is taken or cannot be typed.
    """
    found = dict(SHIPPED)
    for name, entry in (own or {}).items():
        if name in found:
            raise InvalidOrder("algos", name, "the name is taken by a shipped algorithm")
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
            raise InvalidOrder("algos", repr(name), "use letters, digits, - and _")
        found[name] = entry if isinstance(entry, Algorithm) else Algorithm(decide=entry)
    return MappingProxyType(found)


def named(catalog: Catalog, name: str) -> Algorithm:
    """Raises InvalidOrder with the nearest name for one that is not there."""
    if name in catalog:
        return catalog[name]
    raise InvalidOrder("algo", repr(name), _instead(name, catalog))


def checked(catalog: Catalog, request: ParentRequest) -> Struct:
    """The request's parameters as the algorithm's own struct.

    Raises InvalidOrder for anything about the request that can be known to be wrong without the
    market: names the field, its value and what would be right.
    """
    algorithm = named(catalog, request.algo)
    _check_request(request)
    params = params_of(algorithm.params, request.params)
    if algorithm.check is not None:
        algorithm.check(request, params)
    return params


def admitted(algorithm: Algorithm, request: ParentRequest, market: MarketView) -> None:
    """What can be known only with the market at hand, before a parent begins.

    Raises InvalidOrder where it can never be worked: it ends after the session, or its curve is
    missing or empty. A quote that is stale now may be fresh at the start, so it is not looked at.
    """
    close_ns = market.session_close_ns
    if close_ns is not None and not algorithm.in_auctions:
        if request.start_ns >= close_ns:
            hint = f"the session ends at {in_words(close_ns)}; begin before it"
            raise InvalidOrder("start", in_words(request.start_ns), hint)
        if request.end_ns > close_ns:
            hint = f"the session ends at {in_words(close_ns)}; end by then"
            raise InvalidOrder("end", in_words(request.end_ns), hint)
    if request.qty % market.lot:
        raise InvalidOrder("qty", request.qty, f"it must be a multiple of {market.lot}")
    if Need.CURVE in algorithm.needs:
        _check_curve(market.curve, request)


def in_words(time_ns: int) -> str:
    """An instant for people."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _check_curve(curve: VolumeCurve | None, request: ParentRequest) -> None:
    if curve is None:
        hint = "there are no earlier days to make one of; use another algorithm"
        raise InvalidOrder("curve", f"no volume curve for {request.symbol}", hint)
    if len(curve.edges_ns) != len(curve.shares) + 1 or any(share < 0 for share in curve.shares):
        hint = "it needs one more edge than bins, and no bin below 0"
        raise InvalidOrder("curve", f"{len(curve.shares)} bins", hint)
    window = (request.start_ns, request.end_ns)
    if not volume_between(curve.edges_ns, curve.shares, *window):
        hint = "choose a time in which the symbol trades"
        raise InvalidOrder("curve", "no volume between start and end", hint)


def params_of(kind: type[Struct], given: Mapping[str, Any]) -> Struct:
    """The struct of what people wrote: numbers may be text, as a command line gives them."""
    fields = _fields_of(kind)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in fields:
            raise InvalidOrder(f"params.{name}", value, _instead(name, fields))
        field, hint = fields[name]
        values[field.name] = _value(name, value, hint)
    for name, (field, _) in fields.items():
        if field.required and name not in given:
            raise InvalidOrder(f"params.{name}", "nothing", "it must be given")
    return kind(**values)


@lru_cache(maxsize=256)
def _fields_of(kind: type[Struct]) -> Mapping[str, tuple[structs.FieldInfo, Any]]:
    """The fields by the names that people write, each with its type: looked up at every step."""
    hints = get_type_hints(kind, include_extras=True)
    return {one.encode_name: (one, hints[one.name]) for one in structs.fields(kind)}


def _check_request(request: ParentRequest) -> None:
    if not (request.qty.is_finite() and request.qty > 0):
        raise InvalidOrder("qty", request.qty, "it must be above 0")
    if request.end_ns <= request.start_ns:
        hint = f"it must be later than the start, {in_words(request.start_ns)}"
        raise InvalidOrder("end", in_words(request.end_ns), hint)
    limit = request.limit
    if limit is not None and not (limit.is_finite() and limit > 0):
        raise InvalidOrder("limit", limit, "it must be above 0, or left out")


def _value(name: str, value: Any, hint: Any) -> Any:
    try:
        found = msgspec.convert(_exactly(value), hint, strict=False, dec_hook=_amount)
        if isinstance(found, Decimal):
            exact(found)
    except msgspec.ValidationError as error:
        right = str(error).partition(" - at `$")[0].replace("`", "").replace(" | null", "")
        right = right[:1].lower() + right[1:]
        raise InvalidOrder(f"params.{name}", repr(value), right) from None
    except (TypeError, ValueError, InvalidOperation) as error:
        raise InvalidOrder(f"params.{name}", repr(value), str(error)) from None
    for bounds in _ranges(hint):
        if found is not None and not bounds.has(found):
            raise InvalidOrder(f"params.{name}", found, f"it must be {bounds}")
    return found


def _ranges(hint: Any) -> Iterator[Within]:
    """Every range that stands in an annotation, within unions, too."""
    for part in (*getattr(hint, "__metadata__", ()), *get_args(hint)):
        if isinstance(part, Within):
            yield part
        elif get_args(part):
            yield from _ranges(part)


def _exactly(value: Any) -> Any:
    """A float as the digits that people wrote for it; nothing that is no finite number."""
    if isinstance(value, Decimal | float):
        return str(exact(Decimal(str(value))))
    return value


def _amount(kind: type, value: Any) -> Any:
    if issubclass(kind, Amount):
        return kind(exact(value))
    return decode_amount(kind, value)


def _instead(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, 1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known are {', '.join(sorted(known))}" if known else "there are none"
