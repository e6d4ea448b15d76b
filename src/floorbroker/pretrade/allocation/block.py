"""A block order's fills, given back to the accounts that it was placed for."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import CENT, Money, Px, Qty
from floorbroker.domain.ids import Account
from floorbroker.domain.numbers.apportion import ONE, apportioned


class AccountFill(Struct, frozen=True, kw_only=True):
    """What one account gets of a block: everybody's price is the block's average.

    `gross` is its part of what the fills cost or brought, to the cent; the parts of all accounts
    add up to that of the block, and so do the commissions.
    """

    account: Account
    ordered_qty: Qty
    qty: Qty
    avg_px: Px
    gross: Money
    commission: Money


class BlockFill(Struct, frozen=True, kw_only=True):
    """What became of a block: shares filled, their average price, and the whole commission."""

    filled_qty: Qty
    avg_px: Px
    commission: Money


def allocate_block(
    ordered: Mapping[Account, Qty],
    fill: BlockFill,
    *,
    seed: str,
    step: Decimal = ONE,
) -> tuple[AccountFill, ...]:
    """The accounts' parts, in their order: pro rata by what each ordered, in whole `step`s.

    Largest remainders get the shares that are left over, and the cents. The seed, such as the
    block's ClOrdID, decides between equal remainders, so that it is neither always the same
    account nor anybody's choice. Raises ValueError where more was filled than ordered, or an
    amount is no multiple of its step.
    """
    sizes = [Decimal(qty) for qty in ordered.values()]
    if any(size <= 0 or size % step for size in sizes):
        raise ValueError(f"ordered: each account must have ordered a multiple of {step}, over 0")
    filled = Decimal(fill.filled_qty)
    if not 0 <= filled <= sum(sizes):
        raise ValueError(f"filled_qty: {filled} is not between 0 and {sum(sizes)}, the ordered")
    names = list(ordered)
    shares = apportioned(filled, sizes, step=step, seed=seed, names=names)
    whole = Money.of(filled * Decimal(fill.avg_px)).rounded_to_cent()
    gross = apportioned(Decimal(whole), shares, step=CENT, seed=seed, names=names)
    by = shares if filled else sizes  # a fee for nothing is shared as well
    commission = apportioned(Decimal(fill.commission), by, step=CENT, seed=seed, names=names)
    return tuple(
        AccountFill(
            account=name,
            ordered_qty=ordered[name],
            qty=Qty.of(qty),
            avg_px=fill.avg_px,
            gross=Money.of(gross_part),
            commission=Money.of(commission_part),
        )
        for name, qty, gross_part, commission_part in zip(
            names, shares, gross, commission, strict=True
        )
    )
