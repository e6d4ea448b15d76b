"""What the engine is told, as the desk's settings and the broker behind them have it."""

from msgspec.structs import replace

from floorbroker.config import Settings
from floorbroker.engine.atrade.settings import guard_limits
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.standing.identity import build_of


def engine_settings(settings: Settings) -> EngineSettings:
    """Our own exchange shows an order as soon as it has it, so a look-up soon proves something.

    A market that runs faster than real time is also polled faster, and ages that are told by its
    dates grow with its speed.
    """
    speed, is_live = settings.exchange_speed, settings.mode == "live"
    guards = guard_limits(settings.limits.profile, disk_min_mib=settings.disk_min_mib)
    ours = EngineSettings(
        slow_order_s=settings.slow_ms / 1000,
        degraded_order_s=settings.degraded_ms / 1000,
        resend_unknown=settings.resend_unknown,
        limits=settings.limits,
        is_live=is_live,
        prints_own=is_live,
        guards=guards,
        build=build_of(settings, settings.limits, guards) if is_live else "",
    )
    if settings.mode != "embedded":
        return ours
    if speed <= 1:
        return replace(ours, ghost_grace_s=5.0)
    return replace(
        ours,
        lookup_delays_s=(0.1, 0.1, 0.2, 0.3, 0.5, 1.0),
        ghost_grace_s=1.5,
        poll_orders_s=0.5,
        poll_positions_s=1.0,
        intent_ttl_s=300.0 * speed,
        urgent_ttl_s=30.0 * speed,
        stuck_cancel_s=60.0 * speed,
        speed=speed,
        parent_quote_s=0.2,
        parent_stale_s=ours.parent_stale_s * speed,
    )
