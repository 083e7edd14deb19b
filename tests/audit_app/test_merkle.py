"""Trees by RFC 6962: its own test vectors, and what must hold of every tree."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_app import merkle

# The inputs and roots that implementations of RFC 6962 check themselves with.
DATA = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SOME = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def leaves(data: list[bytes]) -> list[bytes]:
    return [merkle.leaf_hash(one) for one in data]


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS, 1)))
def test_roots_are_those_of_the_standard(size: int, root: str) -> None:
    assert merkle.root(leaves(list(DATA[:size]))).hex() == root


def test_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == sha256(b"").digest()


@given(SOME, st.data())
def test_path_of_every_leaf_leads_to_the_root_and_to_it_alone(data: list[bytes], draw: st.DataObject) -> None:
    there = leaves(data)
    index = draw.draw(st.integers(0, len(there) - 1))
    path = merkle.Paths(there).of(index)
    assert merkle.leads_to(there[index], index, len(there), path) == merkle.root(there)
    assert merkle.leads_to(merkle.leaf_hash(b"another leaf"), index, len(there), path) != merkle.root(there)


@given(SOME, st.data())
def test_path_proves_neither_another_place_nor_another_size(data: list[bytes], draw: st.DataObject) -> None:
    there = leaves([bytes([number]) + one for number, one in enumerate(data)])
    index = draw.draw(st.integers(0, len(there) - 1))
    other = draw.draw(st.integers(0, len(there)).filter(lambda found: found != index))
    path = merkle.Paths(there).of(index)
    assert merkle.leads_to(there[index], other, len(there), path) != merkle.root(there)
    for wrong in ([*path, there[0]], path[:-1]):
        if wrong != path:
            assert merkle.leads_to(there[index], index, len(there), wrong) != merkle.root(there)


@given(SOME, st.data())
def test_any_changed_leaf_changes_the_root(data: list[bytes], draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, len(data) - 1))
    changed = [*data[:index], data[index] + b"!", *data[index + 1 :]]
    assert merkle.root(leaves(changed)) != merkle.root(leaves(data))


def test_a_node_can_not_be_passed_off_as_a_leaf() -> None:
    left, right = leaves([b"a", b"b"])
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


def test_path_of_a_leaf_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError):
        merkle.Paths(leaves([b"a"])).of(1)
