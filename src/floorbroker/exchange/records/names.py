"""Tells of most names that no order ever had them, in memory of a fixed size."""

from array import array
from itertools import pairwise, product

_WORDS = 4_194_301  #: A prime, so that a digest's word does not follow from its mask.
#: Of a word four bits are a name's, one in each quarter. They leave out the two highest, so that
#: Python does its sums with words in one step.
_QUARTERS = [
    [1 << begin + bit % (end - begin) for bit in range(8)]
    for begin, end in pairwise((0, 8, 16, 23, 30))
]
_MASKS = list(map(sum, product(*_QUARTERS)))
_LAST_MASK = len(_MASKS) - 1


class Names:
    """Names that were put in. Of a million others, one in five thousand looks as if it were too.

    What a name hashes to says which word is its own, and which bits are set in that.
    """

    def __init__(self) -> None:
        self._words = array("I", [0]) * _WORDS

    def take(self, name: str) -> bool:
        """Put it in; whether it surely was not in before."""
        digest, words = hash(name), self._words
        place = digest % _WORDS
        word = words[place]
        with_it = word | _MASKS[digest & _LAST_MASK]
        if with_it == word:
            return False
        words[place] = with_it
        return True

    def may_hold(self, name: str) -> bool:
        """False if it surely was not put in."""
        digest = hash(name)
        mask = _MASKS[digest & _LAST_MASK]
        return self._words[digest % _WORDS] & mask == mask
