"""What happened in stories, counted: that nothing broke proves nothing of what never happened."""

from collections import Counter

from msgspec import Struct


class Census(Struct, frozen=True):
    """How often each thing happened; `deaths` and `boundaries` by place and kind."""

    stories: Counter[str] = Counter()  #: "stories", and how orders ended.
    points: Counter[str] = Counter()  #: Crash points.
    faults: Counter[str] = Counter()
    cells: Counter[str] = Counter()  #: A fault, and how the order stood that it struck.
    boundaries: Counter[str] = Counter()
    deaths: Counter[str] = Counter()

    @classmethod
    def empty(cls) -> "Census":
        return cls(*(Counter() for _ in cls.__struct_fields__))

    def add(self, other: "Census") -> None:
        for name in self.__struct_fields__:
            getattr(self, name).update(getattr(other, name))
