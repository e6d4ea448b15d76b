"""The tree is RFC 6962's, grows in small steps, and no wrong path leads to its root."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.journal.merkle import EMPTY_ROOT, Tree, join, paths, root_by

LEAVES = [sha256(bytes([number])).digest() for number in range(200)]


def root_of(leaves: list[bytes]) -> bytes:
    """As the RFC defines it: the left subtree is the largest whole one."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return join(root_of(leaves[:split]), root_of(leaves[split:]))


def path_of(place: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if place < split:
        return [*path_of(place, leaves[:split]), root_of(leaves[split:])]
    return [*path_of(place - split, leaves[split:]), root_of(leaves[:split])]


def test_the_node_of_two_known_leaves_is_as_the_rfc_has_it() -> None:
    """The leaves of RFC 6962's own reference log: an empty one and a zero byte."""
    empty, zero = sha256(b"\x00").digest(), sha256(b"\x00\x00").digest()
    assert join(empty, zero).hex() == (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )


def test_a_tree_of_every_size_has_the_root_and_the_paths_of_the_definition() -> None:
    tree = Tree()
    for size in range(1, 70):
        tree.extend(LEAVES[size - 1 : size])
        assert (tree.size, tree.root) == (size, root_of(LEAVES[:size]))
        root, ways = paths(LEAVES[:size], range(size))
        assert root == tree.root
        for place in range(size):
            assert ways[place] == path_of(place, LEAVES[:size])
            assert root_by(ways[place], LEAVES[place], place, size) == root


@given(st.integers(0, 199), st.integers(0, 199))
def test_a_tree_goes_on_from_its_peaks(one: int, other: int) -> None:
    first, last = sorted((one, other))
    begun = Tree()
    begun.extend(LEAVES[:first])
    assert len(begun.peaks) == first.bit_count()
    taken_up = Tree(first, begun.peaks)
    taken_up.extend(LEAVES[first:last])
    assert taken_up.root == root_of(LEAVES[:last])


@given(st.integers(1, 199), st.data())
def test_no_other_leaf_place_or_path_leads_to_the_root(size: int, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, size - 1))
    root, ways = paths(LEAVES[:size], [place])
    path = ways[place]
    assert root_by(path, LEAVES[place + 1], place, size) != root
    assert root_by([*path, LEAVES[0]], LEAVES[place], place, size) is None
    assert root_by(path, LEAVES[place], size, size) is None
    assert root_by(path, LEAVES[place], -1, size) is None
    if path:
        assert root_by(path[:-1], LEAVES[place], place, size) is None
        spoiled = draw.draw(st.integers(0, len(path) - 1))
        wrong = [*path[:spoiled], LEAVES[199], *path[spoiled + 1 :]]
        assert root_by(wrong, LEAVES[place], place, size) != root


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves has 2 peaks"):
        Tree(3, LEAVES[:1])
    with pytest.raises(ValueError, match="leaf 5 is not in a tree of 5"):
        paths(LEAVES[:5], [5])
    assert paths([], []) == (EMPTY_ROOT, {})
