"""What a control is, and how it says no."""

from collections.abc import Callable

from msgspec import Struct

from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView


class Denial(Struct, frozen=True, kw_only=True):
    """A no: which control, the limit, what the order would make of it, and what would pass."""

    control: str
    limit: str
    value: str
    would_pass: str

    @property
    def text(self) -> str:
        """One sentence for people."""
        return f"{self.control}: {self.value}; the limit is {self.limit}. {self.would_pass}"


#: Pure: None lets the order pass this control.
Check = Callable[[Ask, RiskView, Limits], Denial | None]


class Control(Struct, frozen=True, kw_only=True):
    """One control. `on_replace`: a replace that adds risk must pass it too; `on_reduce`: an order
    that can only make a position smaller must pass it as well."""

    id: str
    name: str
    why: str
    check: Check
    on_replace: bool = True
    on_reduce: bool = True
