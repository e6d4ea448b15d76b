"""The broker's recent refusals and failures, each with the time at which it was noted."""

from collections import deque

from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError


class ErrorLog(deque[BrokerError]):
    """The newest errors, oldest first."""

    def __init__(self, clock: Clock, size_max: int) -> None:
        super().__init__(maxlen=size_max)
        self._clock = clock

    def append(self, problem: BrokerError) -> None:
        if problem.time is None:
            problem.time = self._clock.now()
        super().append(problem)
