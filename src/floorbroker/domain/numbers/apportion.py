"""A whole split into parts by size, by largest remainder: the sum is exact."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b

ONE = Decimal(1)


def apportioned(
    total: Decimal,
    sizes: Sequence[Decimal],
    *,
    step: Decimal = ONE,
    seed: str | None = None,
    names: Sequence[str] = (),
) -> tuple[Decimal, ...]:
    """`total` in parts as `sizes` are to each other, each a multiple of `step`.

    Each part is its exact share rounded down or up by less than a step. What is left after
    rounding down goes, a step each, to the largest remainders; of equal ones to the first, or with
    a `seed` to those that it draws by their names (else by their places), the same ones each time.
    Raises ValueError where that cannot be done.
    """
    if step <= 0:
        raise ValueError(f"step: {step} must be more than 0")
    if any(size < 0 for size in sizes):
        raise ValueError(f"sizes: {min(sizes)} is negative; each must be 0 or more")
    whole = Fraction(abs(total)) / Fraction(step)
    if whole.denominator != 1:
        raise ValueError(f"total: {total} is no multiple of {step}")
    sum_of_sizes = sum(map(Fraction, sizes), Fraction(0))
    if not sum_of_sizes:
        if total:
            raise ValueError(f"total: {total} cannot be shared out; every size is 0")
        return tuple(Decimal(0) for _ in sizes)
    exact = [whole * Fraction(size) / sum_of_sizes for size in sizes]
    parts = [share.numerator // share.denominator for share in exact]
    draw = _draw(seed, names or [str(place) for place in range(len(sizes))])
    order = sorted(range(len(sizes)), key=lambda at: (parts[at] - exact[at], draw[at], at))
    for place in order[: whole.numerator - sum(parts)]:
        parts[place] += 1
    sign = -step if total < 0 else step
    return tuple(part * sign for part in parts)


def _draw(seed: str | None, names: Sequence[str]) -> list[bytes]:
    """Who comes first among equals: the same for the same seed, wherever and whenever."""
    if seed is None:
        return [b""] * len(names)
    return [blake2b(f"{seed}\n{name}".encode(), digest_size=16).digest() for name in names]
