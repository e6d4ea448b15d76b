"""A Merkle tree over the hashes of the records, as in RFC 6962: proof of one without the others.

A record's hash is SHA-256 of bytes that begin with 0x00, so it already is what RFC 6962 calls the
hash of a leaf; the leaves of the tree are the records' hashes themselves, record n at place n - 1.
An inner node is SHA-256( 0x01 | left | right ). Of a growing tree only the peaks are kept, one for
each bit of its size; its root and the hashes beside one leaf's way to the root follow from them.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

#: The root of a tree without leaves.
EMPTY_ROOT = sha256(b"").digest()


def join(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows at its right end; holds as many hashes as its size has bits."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks")

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add leaves."""
        size, peaks = self.size, self.peaks
        for node in hashes:
            rest = size
            while rest & 1:
                node = sha256(b"\x01" + peaks.pop() + node).digest()
                rest >>= 1
            peaks.append(node)
            size += 1
        self.size = size

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        *others, root = self.peaks
        for peak in reversed(others):
            root = join(peak, root)
        return root


class _Peak:
    """The top of a whole subtree, and which of the wanted leaves are in it."""

    __slots__ = ("hash", "wanted")

    def __init__(self, digest: bytes, wanted: list[int]) -> None:
        self.hash = digest
        self.wanted = wanted


def paths(hashes: Iterable[bytes], wanted: Iterable[int]) -> tuple[bytes, dict[int, list[bytes]]]:
    """The root, and for each wanted leaf the hashes beside its way to it, from below.

    Goes through the leaves once and keeps none. Raises ValueError for a leaf that is not there.
    """
    beside: dict[int, list[bytes]] = {place: [] for place in wanted}
    peaks: list[_Peak] = []

    def joined(left: _Peak, right: _Peak) -> _Peak:
        for place in left.wanted:
            beside[place].append(right.hash)
        for place in right.wanted:
            beside[place].append(left.hash)
        return _Peak(join(left.hash, right.hash), left.wanted + right.wanted)

    size = 0
    for digest in hashes:
        top, rest = _Peak(digest, [size] if size in beside else []), size
        while rest & 1:
            top = joined(peaks.pop(), top)
            rest >>= 1
        peaks.append(top)
        size += 1
    outside = [place for place in beside if not 0 <= place < size]
    if outside:
        raise ValueError(f"leaf {outside[0]} is not in a tree of {size}")
    if not peaks:
        return EMPTY_ROOT, beside
    top = peaks.pop()
    while peaks:
        top = joined(peaks.pop(), top)
    return top.hash, beside


def root_by(path: Sequence[bytes], leaf: bytes, place: int, size: int) -> bytes | None:
    """The root that the path leads to from the leaf at `place` of `size`; None for a path that
    such a leaf cannot have."""
    if not 0 <= place < size:
        return None
    node, beside = leaf, iter(path)
    for is_right in _turns(place, size):
        other = next(beside, None)
        if other is None:
            return None
        node = join(other, node) if is_right else join(node, other)
    return None if next(beside, None) is not None else node


def _turns(place: int, size: int) -> Iterator[bool]:
    """On the way up, for each node that has one beside it: whether it is the right one."""
    last = size - 1
    while last:
        if place & 1 or place < last:
            yield bool(place & 1)
        place >>= 1
        last >>= 1
