"""The client of the front's tests, for the endpoints behind it."""

from tests.unit.exchange_front.conftest import client

__all__ = ["client"]
