"""Merkle trees by the rules of RFC 6962: leaves and nodes hashed apart, roots, paths and their check. Nothing else."""

from collections.abc import Sequence
from hashlib import sha256

SIZE = 32


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf; its first byte keeps anybody from passing a node off as one."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above these two."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows leaf by leaf and keeps one hash a level, whatever its size."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # of the full subtrees, the largest first

    def add(self, leaf: bytes) -> None:
        """This leaf's hash is the next one."""
        self._peaks.append(leaf)
        self.size += 1
        grown = self.size
        while grown % 2 == 0:
            right, left = self._peaks.pop(), self._peaks.pop()
            self._peaks.append(node_hash(left, right))
            grown //= 2

    def root(self) -> bytes:
        """Return the hash of the whole tree; of an empty one the hash of nothing."""
        if not self._peaks:
            return sha256(b"").digest()
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


class Paths:
    """The ways from the leaves of one tree to its root: however many are asked for, each node is hashed once."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._nodes: dict[tuple[int, int], bytes] = {}

    def of(self, index: int) -> list[bytes]:
        """Return the hashes that lead from the leaf at `index` to the root, nearest first."""
        if not 0 <= index < len(self._leaves):
            raise IndexError(f"there is no leaf {index} among {len(self._leaves)}")
        found: list[bytes] = []
        low, high = 0, len(self._leaves)
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                found.append(self._node(middle, high))
                high = middle
            else:
                found.append(self._node(low, middle))
                low = middle
        return found[::-1]

    def _node(self, low: int, high: int) -> bytes:
        if high - low == 1:
            return self._leaves[low]
        if (low, high) not in self._nodes:
            middle = low + _split(high - low)
            self._nodes[low, high] = node_hash(self._node(low, middle), self._node(middle, high))
        return self._nodes[low, high]


def leads_to(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root this path leads to from the leaf at `index` of `size`; None when it can not be such a path."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if at % 2 or at == last:
            found = node_hash(step, found)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            found = node_hash(found, step)
        at, last = at // 2, last // 2
    return found if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two below this size."""
    return 1 << (size - 1).bit_length() - 1
