"""The client of the front's tests, for the streams behind it."""

from tests.unit.exchange_front.conftest import client

__all__ = ["client"]
