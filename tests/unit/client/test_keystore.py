"""Keys on disk: private, whole, and never printed."""

import os
import stat
from pathlib import Path

import pytest

from tests.builders import NETWORK
from thingmarket.identity.keys import SigningKey
from thingmarket_client.errors import UnsafeFile
from thingmarket_client.keystore import (
    OwnerKeys,
    check_private,
    create_owner_keys,
    create_thing_keys,
    load_owner_keys,
    load_thing_keys,
    save_thing_keys,
)


def test_a_thing_that_was_made_is_the_same_when_it_is_read(tmp_path: Path) -> None:
    made = create_thing_keys(tmp_path / "thing")
    found = load_thing_keys(tmp_path / "thing")
    assert found == made
    assert found.id == made.id and found.id.startswith("did:key:z6Mk")
    assert found.leaf == b""


def test_an_owner_that_was_made_is_the_same_when_he_is_read(tmp_path: Path) -> None:
    made = OwnerKeys.made(network_id=NETWORK, now_ms=1_800_000_000_000)
    create_owner_keys(tmp_path, made)
    assert load_owner_keys(tmp_path) == made
    assert load_owner_keys(tmp_path).network_id == NETWORK


def test_only_the_user_can_read_a_key_file_and_its_folder(tmp_path: Path) -> None:
    os.umask(0)
    create_thing_keys(tmp_path / "thing")
    os.umask(0o022)
    assert stat.S_IMODE((tmp_path / "thing/thing.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "thing").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "thing").iterdir()] == ["thing.json"], "a draft was left"


def test_a_key_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    first = create_thing_keys(tmp_path)
    with pytest.raises(FileExistsError):
        create_thing_keys(tmp_path)
    assert load_thing_keys(tmp_path) == first


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o610])
def test_a_file_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    create_thing_keys(tmp_path)
    (tmp_path / "thing.json").chmod(mode)
    with pytest.raises(UnsafeFile, match=r"chmod 600 thing\.json"):
        load_thing_keys(tmp_path)


def test_an_own_link_is_followed_to_a_file_that_is_private(tmp_path: Path) -> None:
    create_thing_keys(tmp_path / "real")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/thing.json").symlink_to(tmp_path / "real/thing.json")
    assert load_thing_keys(tmp_path / "linked") == load_thing_keys(tmp_path / "real")
    (tmp_path / "real/thing.json").chmod(0o644)
    with pytest.raises(UnsafeFile):
        load_thing_keys(tmp_path / "linked")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    create_thing_keys(tmp_path / "real")
    (tmp_path / "linked").mkdir()
    link = tmp_path / "linked/thing.json"
    link.symlink_to(tmp_path / "real/thing.json")
    os.lchown(link, 12345, 12345)
    with pytest.raises(UnsafeFile, match="another user made"):
        load_thing_keys(tmp_path / "linked")
    os.chown(tmp_path / "real/thing.json", 12345, 12345)
    with pytest.raises(UnsafeFile, match="belongs to another user"):
        load_thing_keys(tmp_path / "real")


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "thing.json", 0o600)
    with pytest.raises(UnsafeFile, match="not a plain file"):
        check_private(tmp_path / "thing.json")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: text.replace('"thing"', '"owner"'),
        lambda text: text.replace('"seed": "', '"seed": "zz'),
        lambda text: text.replace('"mandate": []', '"mandate": ["00"]'),
        lambda _: "[]",
        lambda _: "x" * 200_000,
    ],
)
def test_a_damaged_file_is_refused_without_telling_its_content(tmp_path: Path, damage: object) -> None:
    made = create_thing_keys(tmp_path)
    path = tmp_path / "thing.json"
    assert callable(damage)
    path.write_text(damage(path.read_text()))
    with pytest.raises(UnsafeFile) as caught:
        load_thing_keys(tmp_path)
    assert made.seed.hex()[:8] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_seed_is_ever_printed(tmp_path: Path) -> None:
    thing = create_thing_keys(tmp_path)
    owner = OwnerKeys.made(network_id=NETWORK, now_ms=1_800_000_000_000)
    for keys in (thing, owner):
        said = repr(keys) + str(keys) + repr(keys.signing_key)
        assert repr(keys.seed)[2:-1] not in said and keys.seed.hex() not in said
        assert isinstance(keys.signing_key, SigningKey)


def test_saving_replaces_the_whole_file_and_keeps_it_private(tmp_path: Path) -> None:
    made = create_thing_keys(tmp_path)
    save_thing_keys(tmp_path, made)
    assert stat.S_IMODE((tmp_path / "thing.json").stat().st_mode) == 0o600
    assert load_thing_keys(tmp_path) == made


def test_a_seed_of_another_key_event_is_refused(tmp_path: Path) -> None:
    made = OwnerKeys.made(network_id=NETWORK, now_ms=1_800_000_000_000)
    other = OwnerKeys.made(network_id=NETWORK, now_ms=1_800_000_000_000)
    create_owner_keys(tmp_path, OwnerKeys(seed=made.seed, key_event=other.key_event))
    with pytest.raises(UnsafeFile, match="not that of the key event"):
        load_owner_keys(tmp_path)
