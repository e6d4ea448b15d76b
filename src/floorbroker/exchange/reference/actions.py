"""Corporate actions as an exchange is told of them: what each kind is called and has to say."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct


class Kind(Struct, frozen=True):
    """One kind: its plural, the words of its announcement, and the details it cannot do without.

    `owner` and `other` begin the names of the details that tell whose shares they are (as in
    `source_symbol`) and what they turn into; empty where the symbol stands alone.
    """

    plural: str
    announced: tuple[str, str] | None
    needs: tuple[str, ...]
    owner: str = ""
    other: str = ""


_MERGER = ("merger", "merger_completion")
_RATES = ("acquirer_rate", "acquiree_rate")
KINDS: dict[str, Kind] = {
    "cash_dividend": Kind(
        "cash_dividends", ("dividend", "cash"), ("rate", "special", "foreign", "ex_date")
    ),
    "stock_dividend": Kind("stock_dividends", ("dividend", "stock"), ("rate", "ex_date")),
    "capital_gains_distribution": Kind("capital_gains_distributions", None, ("ex_date",)),
    "forward_split": Kind(
        "forward_splits", ("split", "stock_split"), ("old_rate", "new_rate", "ex_date")
    ),
    "reverse_split": Kind(
        "reverse_splits",
        ("split", "reverse_split"),
        ("old_cusip", "new_cusip", "old_rate", "new_rate", "ex_date"),
    ),
    "unit_split": Kind(
        "unit_splits",
        ("split", "unit_split"),
        (
            *("old_rate", "new_symbol", "new_cusip", "new_rate", "alternate_symbol"),
            *("alternate_cusip", "alternate_rate", "effective_date"),
        ),
        "old",
        "new",
    ),
    "spin_off": Kind(
        "spin_offs",
        ("spinoff", "spinoff"),
        ("source_rate", "new_symbol", "new_cusip", "new_rate", "ex_date"),
        "source",
        "new",
    ),
    "cash_merger": Kind("cash_mergers", _MERGER, ("rate", "effective_date"), "acquiree"),
    "stock_merger": Kind(
        "stock_mergers",
        _MERGER,
        ("acquirer_symbol", "acquirer_cusip", *_RATES, "effective_date"),
        "acquiree",
        "acquirer",
    ),
    "stock_and_cash_merger": Kind(
        "stock_and_cash_mergers",
        _MERGER,
        ("acquirer_symbol", "acquirer_cusip", *_RATES, "cash_rate", "effective_date"),
        "acquiree",
        "acquirer",
    ),
    "name_change": Kind("name_changes", None, ("new_symbol", "new_cusip"), "old", "new"),
    "redemption": Kind("redemptions", None, ("rate",)),
    "partial_call": Kind("partial_calls", None, ()),
    "reorganization": Kind("reorganizations", None, ("effective_date",)),
    "rights_distribution": Kind(
        "rights_distributions",
        None,
        ("new_symbol", "new_cusip", "rate", "ex_date", "payable_date"),
        "source",
        "new",
    ),
    "worthless_removal": Kind("worthless_removals", None, ()),
}


class CorporateAction(Struct, frozen=True, kw_only=True):
    """One action. `details` are the wire's own fields beside those that every kind has.

    Raises ValueError for a kind that does not exist, or one that lacks a detail.
    """

    id: str  #: A UUID.
    kind: str
    symbol: str  #: Of the shares that it befalls.
    cusip: str
    process_date: date
    details: Mapping[str, Decimal | date | bool | str] = {}

    def __post_init__(self) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if missing := [name for name in kind.needs if name not in self.details]:
            raise ValueError(f"{self.kind} {self.id} lacks {', '.join(missing)}")

    def decimal(self, name: str) -> Decimal | None:
        """A detail that is a number; None if it was not told."""
        value = self.details.get(name)
        return value if isinstance(value, Decimal) else None

    def text(self, name: str) -> str | None:
        """A detail as the wire's text; None if it was not told."""
        value = self.details.get(name)
        if value is None:
            return None
        return value.isoformat() if isinstance(value, date) else str(value)
