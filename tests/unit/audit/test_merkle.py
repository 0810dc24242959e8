import base64
import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pytest import mark, raises

from thingmarket.audit import merkle
from thingmarket.audit.merkle import Tree
from thingmarket.errors import Code, Refusal

VECTORS = Path(__file__).parents[2] / "vectors"
ROOTS = json.loads((VECTORS / "rfc6962-roots/roots.json").read_text())
PROOFS = VECTORS / "transparency-dev-merkle"
INCLUSION = sorted(PROOFS.glob("inclusion/**/*.json"))
CONSISTENCY = sorted(PROOFS.glob("consistency/**/*.json"))
LEAVES = [merkle.leaf_hash(b"entry %d" % number) for number in range(130)]
TREE = Tree()
TREE.extend(LEAVES)


def unpacked(path: Path) -> dict[str, Any]:
    """Read one proof with its hashes as bytes."""
    vector = json.loads(path.read_text())
    for name in ("leafHash", "root", "root1", "root2"):
        vector[name] = base64.b64decode(vector.get(name) or "")
    vector["proof"] = [base64.b64decode(item) for item in vector["proof"] or ()]
    return vector


def named(path: Path) -> str:
    return str(path.relative_to(PROOFS).with_suffix(""))


def flipped(hash_: bytes, bit: int) -> bytes:
    return (int.from_bytes(hash_, "big") ^ 1 << bit).to_bytes(len(hash_), "big")


def recursive_root(leaves: list[bytes]) -> bytes:
    """Section 2.1 of RFC 6962, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


def test_all_published_proofs_are_there() -> None:
    assert (len(INCLUSION), len(CONSISTENCY)) == (49, 57)


@mark.parametrize("path", INCLUSION, ids=named)
def test_published_inclusion_proofs_are_decided_as_published(path: Path) -> None:
    vector = unpacked(path)
    accepted = merkle.verify_inclusion(
        vector["leafIdx"], vector["treeSize"], vector["leafHash"], vector["proof"], vector["root"]
    )
    assert accepted is not vector["wantErr"]


@mark.parametrize("path", CONSISTENCY, ids=named)
def test_published_consistency_proofs_are_decided_as_published(path: Path) -> None:
    vector = unpacked(path)
    accepted = merkle.verify_consistency(
        vector["size1"], vector["size2"], vector["root1"], vector["root2"], vector["proof"]
    )
    assert accepted is not vector["wantErr"]


def published_leaves() -> list[bytes]:
    return [merkle.leaf_hash(bytes.fromhex(entry)) for entry in ROOTS["leaf_inputs_hex"]]


def test_published_leaves_have_the_published_roots() -> None:
    leaves, tree = published_leaves(), Tree()
    tree.extend(leaves)
    published = [bytes.fromhex(root) for root in ROOTS["root_hash_by_size_hex"]]
    assert len(published) == 9
    assert [merkle.root(leaves[:size]) for size in range(9)] == published
    assert [tree.root(size) for size in range(9)] == published


def test_published_inner_nodes_are_ours() -> None:
    row = published_leaves()
    for level in range(4):
        assert [node.hex() for node in row] == ROOTS["node_hashes_hex"][f"level{level}"]
        row = (
            [merkle.node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
            if row[1:]
            else []
        )
    assert row == []


def test_a_leaf_is_never_taken_for_a_node() -> None:
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@mark.parametrize("size", range(1, 66))
def test_every_way_to_the_root_gives_the_root_of_the_standard(size: int) -> None:
    grown = Tree()
    for leaf in LEAVES[:size]:
        grown.append(leaf)
    assert grown.root() == TREE.root(size) == merkle.root(LEAVES[:size]) == recursive_root(LEAVES[:size])


def test_every_proof_of_every_small_tree_verifies_and_for_nothing_else() -> None:
    for size in range(1, 34):
        root = TREE.root(size)
        for index in range(size):
            proof = TREE.inclusion(index, size)
            for other in range(size + 2):
                accepted = merkle.verify_inclusion(other, size, LEAVES[index], proof, root)
                assert accepted == (other == index)
        for earlier in range(1, size + 1):
            proof = TREE.consistency(earlier, size)
            for other in range(size + 2):
                accepted = merkle.verify_consistency(other, size, TREE.root(earlier), root, proof)
                assert accepted == (other == earlier)


@st.composite
def index_and_size(draw: st.DrawFn, least: int = 0) -> tuple[int, int]:
    size = draw(st.integers(least + 1, len(LEAVES)))
    return draw(st.integers(least, size - 1)), size


@given(index_and_size(), st.integers(0, 255), st.data())
def test_one_changed_bit_spoils_an_inclusion_proof(
    place: tuple[int, int], bit: int, data: st.DataObject
) -> None:
    index, size = place
    proof, root = list(TREE.inclusion(index, size)), TREE.root(size)
    assert merkle.verify_inclusion(index, size, LEAVES[index], proof, root)
    assert not merkle.verify_inclusion(index, size, flipped(LEAVES[index], bit), proof, root)
    assert not merkle.verify_inclusion(index, size, LEAVES[index], proof, flipped(root, bit))
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
        assert not merkle.verify_inclusion(index, size, LEAVES[index], changed, root)
        assert not merkle.verify_inclusion(index, size, LEAVES[index], proof[:at] + proof[at + 1 :], root)
    assert not merkle.verify_inclusion(index, size, LEAVES[index], [*proof, root], root)
    assert not merkle.verify_inclusion(index, size, LEAVES[index], [root, *proof], root)


@given(index_and_size(least=1), st.integers(0, 255), st.data())
def test_one_changed_bit_spoils_a_consistency_proof(
    place: tuple[int, int], bit: int, data: st.DataObject
) -> None:
    size1, size2 = place
    proof, root1, root2 = list(TREE.consistency(size1, size2)), TREE.root(size1), TREE.root(size2)
    assert merkle.verify_consistency(size1, size2, root1, root2, proof)
    assert not merkle.verify_consistency(size1, size2, flipped(root1, bit), root2, proof)
    assert not merkle.verify_consistency(size1, size2, root1, flipped(root2, bit), proof)
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
    assert not merkle.verify_consistency(size1, size2, root1, root2, changed)
    assert not merkle.verify_consistency(size1, size2, root1, root2, proof[:at] + proof[at + 1 :])
    assert not merkle.verify_consistency(size1, size2, root1, root2, [*proof, root1])


@given(st.lists(st.integers(0, 40), max_size=8))
def test_batches_of_any_sizes_grow_the_same_tree(batches: list[int]) -> None:
    grown, leaves = Tree(), []
    for number, count in enumerate(batches):
        fresh = [merkle.leaf_hash(b"%d %d" % (number, at)) for at in range(count)]
        leaves += fresh
        if number % 3:
            grown.extend(fresh)
        else:
            for leaf in fresh:
                grown.append(leaf)
    assert grown.size == len(leaves)
    assert grown.root() == merkle.root(leaves)
    for index in range(len(leaves)):
        proof = grown.inclusion(index, len(leaves))
        assert merkle.verify_inclusion(index, len(leaves), leaves[index], proof, grown.root())


def test_growing_changes_no_earlier_root_or_proof() -> None:
    grown, seen = Tree(), []
    for leaf in LEAVES:
        grown.append(leaf)
        seen.append((grown.root(), grown.inclusion(0, grown.size)))
    for size, (root, proof) in enumerate(seen, start=1):
        assert (grown.root(size), grown.inclusion(0, size)) == (root, proof)


def test_a_forked_log_cannot_prove_consistency() -> None:
    honest, forked = Tree(), Tree()
    honest.extend(LEAVES[:40])
    forked.extend([*LEAVES[:10], merkle.leaf_hash(b"another"), *LEAVES[11:40]])
    for size1 in range(11, 40):
        for proof in (honest.consistency(size1, 40), forked.consistency(size1, 40)):
            assert not merkle.verify_consistency(size1, 40, honest.root(size1), forked.root(40), proof)


def test_a_tree_of_nothing_has_the_hash_of_nothing() -> None:
    assert Tree().root() == merkle.root([]) == merkle.EMPTY_ROOT
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree().size == 0
    grown = Tree()
    grown.extend([])
    assert grown.size == 0
    assert not merkle.verify_inclusion(0, 0, LEAVES[0], (), merkle.EMPTY_ROOT)


NUMBERS = st.one_of(
    st.integers(), st.integers(0, 9), st.just(2**63 - 1), st.just(2**64), st.just(1 << 10_000)
)
HASHES = st.one_of(st.binary(max_size=40), st.sampled_from(LEAVES[:3]))


@given(NUMBERS, NUMBERS, HASHES, st.lists(HASHES, max_size=8), HASHES)
def test_any_rubbish_proves_no_inclusion(
    index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes
) -> None:
    accepted = merkle.verify_inclusion(index, size, leaf, proof, root)
    assert accepted == (index == 0 and size == 1 and proof == [] and leaf == root and len(root) == 32)


@given(NUMBERS, NUMBERS, HASHES, HASHES, st.lists(HASHES, max_size=8))
def test_any_rubbish_proves_no_consistency(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: list[bytes]
) -> None:
    accepted = merkle.verify_consistency(size1, size2, root1, root2, proof)
    assert accepted == (0 < size1 == size2 < 2**63 and proof == [] and root1 == root2)


@mark.parametrize("size", range(1, 9))
def test_a_path_goes_no_further_than_the_root(size: int) -> None:
    # Each root here is what a verifier that walked on would arrive at.
    extra, root, leaf = LEAVES[100], TREE.root(size), LEAVES[0]
    proof = TREE.inclusion(0, size)
    for beyond in (merkle.node_hash(extra, root), merkle.node_hash(root, extra)):
        assert not merkle.verify_inclusion(0, size, leaf, [*proof, extra], beyond)
    whole = TREE.consistency(size, size + 1)
    for root1 in (TREE.root(size), merkle.node_hash(extra, TREE.root(size))):
        root2 = merkle.node_hash(extra, TREE.root(size + 1))
        assert not merkle.verify_consistency(size, size + 1, root1, root2, [*whole, extra])


@mark.parametrize("moved", range(1, 32))
def test_bytes_do_not_move_between_neighbours(moved: int) -> None:
    left, right = LEAVES[:2]
    both, root = left + right, TREE.root(2)
    shorter, longer = both[: 32 - moved], both[32 - moved :]
    assert merkle.node_hash(shorter, longer) == root
    assert not merkle.verify_inclusion(0, 2, shorter, [longer], root)
    assert not merkle.verify_inclusion(1, 2, longer, [shorter], root)
    assert not merkle.verify_consistency(1, 2, shorter, root, [longer])


def test_a_proof_for_the_largest_tree_is_read_and_a_longer_one_is_not() -> None:
    size, hash_ = 2**63 - 1, LEAVES[0]
    root = hash_
    for _ in range(63):
        root = merkle.node_hash(root, hash_)
    assert merkle.verify_inclusion(0, size, hash_, [hash_] * 63, root)
    assert not merkle.verify_inclusion(0, size, hash_, [hash_] * 64, root)
    assert not merkle.verify_inclusion(0, size, hash_, [hash_] * 100_000, root)
    assert not merkle.verify_inclusion(0, 2**64, hash_, [hash_] * 64, merkle.node_hash(root, hash_))


@mark.parametrize("size", [-1, 131, 2**64])
def test_the_root_of_a_tree_that_never_was_is_refused(size: int) -> None:
    with raises(Refusal) as refused:
        TREE.root(size)
    assert refused.value.number == Code.OUT_OF_RANGE


@mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (6, 5), (0, 0), (0, 131), (130, 131), (0, -1)])
def test_inclusion_of_what_is_not_there_is_refused(index: int, size: int) -> None:
    with raises(Refusal) as refused:
        TREE.inclusion(index, size)
    assert refused.value.number == Code.OUT_OF_RANGE


@mark.parametrize(("size1", "size2"), [(0, 5), (-1, 5), (6, 5), (1, 131), (131, 131), (0, 0)])
def test_consistency_of_what_is_not_there_is_refused(size1: int, size2: int) -> None:
    with raises(Refusal) as refused:
        TREE.consistency(size1, size2)
    assert refused.value.number == Code.OUT_OF_RANGE


def test_a_tree_keeps_64_bytes_per_entry() -> None:
    grown = Tree()
    grown.extend(LEAVES[:128])
    assert sum(map(len, grown._levels)) == 128 * 64 - 32
