"""Quantities, prices and money as exact decimals that refuse to mix.

`Qty + Px` is a TypeError, `Qty * Px` is `Money`, and a float is refused everywhere. Each amount is
a `Decimal`, so it compares with plain numbers, prints and formats like one. Nothing here rounds
unless the method's name says so.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Self

#: What a caller may write where an amount is expected; never a float.
Number = Decimal | int | str

_new = Decimal.__new__
_add = Decimal.__add__
_subtract = Decimal.__sub__
_multiply = Decimal.__mul__
_digits = Decimal.__str__

CENT = Decimal("0.01")
#: The finest share fraction that Alpaca accepts: nine decimals.
SHARE_STEP = Decimal("0.000000001")
#: Amounts of more digits before or after the point are typing mistakes; written out or divided,
#: they would exhaust the machine.
_PLACES_MAX = 40


def exact(value: object) -> Decimal:
    """A finite Decimal from an int, a str or a Decimal.

    Raises TypeError for a float or any other type, ValueError for text that is no finite number
    or one beyond every amount there is.
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool) or not isinstance(value, int | str):
        hint = f'; write "{value}" instead' if isinstance(value, float) else ""
        raise TypeError(f"{value!r} is a {type(value).__name__}, not an exact number{hint}")
    else:
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if number and not -_PLACES_MAX < number.adjusted() < _PLACES_MAX:
        raise ValueError(f"{value} is too far from one to be an amount")
    return number


def plain(value: Decimal) -> str:
    """The number as people write it: no exponent, no trailing zeros."""
    text = value.to_eng_string()
    if text.isdigit():
        return text
    if "E" in text:
        text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Amount(Decimal):
    """A Decimal with a unit: adds to its own kind only, and compares as the number it is."""

    __slots__ = ()

    def __new__(cls, value: Number) -> Self:
        return Decimal.__new__(cls, exact(value))

    @classmethod
    def of(cls, number: Decimal) -> Self:
        """Wrap a Decimal that is known to be finite, without checking it again."""
        return _new(cls, number)

    def __add__(self, other: Any) -> Self:
        unit = type(self)
        if type(other) is not unit:
            raise self._mixed(other, "+")
        return _new(unit, _add(self, other))

    def __sub__(self, other: Any) -> Self:
        unit = type(self)
        if type(other) is not unit:
            raise self._mixed(other, "-")
        return _new(unit, _subtract(self, other))

    def __radd__(self, other: Any) -> Self:
        if other == 0 and not isinstance(other, Amount):  # so that sum() works
            return self
        raise self._mixed(other, "+")

    def __rsub__(self, other: Any) -> Self:
        raise self._mixed(other, "-")

    def __neg__(self) -> Self:
        return _new(type(self), Decimal.__neg__(self))

    def __abs__(self) -> Self:
        return _new(type(self), Decimal.__abs__(self))

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Amount):
            unit = _PRODUCTS.get((type(self), type(other)))
            if unit is None:
                raise TypeError(f"{type(self).__name__} * {type(other).__name__} has no meaning")
            return _new(unit, _multiply(self, other))
        return self.of(_multiply(self, exact(other)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, Amount):
            return self.of(Decimal.__truediv__(self, exact(other)))
        if type(other) is type(self):
            return Decimal(Decimal.__truediv__(self, other))
        unit = _QUOTIENTS.get((type(self), type(other)))
        if unit is None:
            raise TypeError(f"{type(self).__name__} / {type(other).__name__} has no meaning")
        return unit.of(Decimal.__truediv__(self, other))

    def __str__(self) -> str:
        return plain(self)

    def __format__(self, spec: str, /, *context: Any) -> str:
        """Without a specification the same digits as `str`, never an exponent."""
        return Decimal.__format__(self, spec, *context) if spec else plain(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{plain(self)}')"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (Decimal.__str__(self),)

    @property
    def decimal(self) -> Decimal:
        """The bare number, for arithmetic that leaves the unit behind."""
        return Decimal(self)

    def _mixed(self, other: object, sign: str) -> TypeError:
        return TypeError(f"{type(self).__name__} {sign} {type(other).__name__} has no meaning")


class Qty(Amount):
    """A number of shares (or coins), whole or fractional; signed where it is a position."""

    __slots__ = ()

    def rounded_down_to_share_step(self) -> Self:
        return self.of(Decimal(self).quantize(SHARE_STEP, ROUND_DOWN))


class Px(Amount):
    """A price of one share, in dollars."""

    __slots__ = ()


class Money(Amount):
    """An amount of dollars; negative is owed."""

    __slots__ = ()

    def rounded_to_cent(self) -> Self:
        """Half-even, as statements do."""
        return self.of(Decimal(self).quantize(CENT, ROUND_HALF_EVEN))

    def rounded_up_to_cent(self) -> Self:
        """Towards the payer's loss, as regulators bill."""
        return self.of(Decimal(self).quantize(CENT, ROUND_CEILING))


_PRODUCTS: dict[tuple[type, type], type[Amount]] = {(Qty, Px): Money, (Px, Qty): Money}
_QUOTIENTS: dict[tuple[type, type], type[Amount]] = {(Money, Qty): Px, (Money, Px): Qty}

ZERO_QTY = Qty(0)
ZERO_MONEY = Money(0)


def encode_amount(value: Any) -> str:
    """Digits without an exponent. Called for each amount that is written: for most of them `str`
    says the same as a format, in half the time."""
    if isinstance(value, Amount):
        text = _digits(value)
        return text if "E" not in text else Decimal.__format__(value, "f")
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def decode_amount(kind: type, value: Any) -> Any:
    """What was written here is guarded by seals, so it needs no second look at its size; it must
    be a finite number all the same."""
    if not issubclass(kind, Amount):
        raise NotImplementedError(f"{kind.__name__} has no JSON form")
    if type(value) is not str:
        return kind(value)
    try:
        amount = _new(kind, value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not amount.is_finite():
        raise ValueError(f"{value} is not a finite number")
    return amount


_recalled = lru_cache(maxsize=4096, typed=True)(decode_amount)


def recall_amount(kind: type, value: Any) -> Any:
    """The same for what is read from a journal: sizes and prices recur from order to order."""
    try:
        return _recalled(kind, value)
    except TypeError:  # no amount, and nothing that could be remembered
        return decode_amount(kind, value)
