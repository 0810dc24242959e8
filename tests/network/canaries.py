"""Looks for secrets where they must not be: every file, as raw bytes, hex and base64."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def spellings(secret: bytes) -> Iterator[bytes]:
    """Every form in which bytes might leak; base64 in all three alignments and both alphabets."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + secret)
        # Characters at either end also depend on the neighbours of the secret.
        whole = text[-(-shift * 8 // 6) : (shift + len(secret)) * 8 // 6]
        yield whole
        yield whole.replace(b"+", b"-").replace(b"/", b"_")


def found_in(files: Iterable[Path], secrets: Mapping[str, bytes]) -> list[str]:
    """Where secrets stand, in words; secrets shorter than 8 bytes would be found by chance."""
    assert all(len(secret) >= 8 for secret in secrets.values())
    forms = {name: set(spellings(secret)) for name, secret in secrets.items()}
    found = []
    for path in files:
        data = path.read_bytes()
        found += [f"{name} in {path.name}" for name, some in forms.items() if any(f in data for f in some)]
    return found


def files_below(folder: Path, *, but: Iterable[str] = ()) -> list[Path]:
    """All files of a folder, write-ahead logs and locks included, without those of these names."""
    left_out = set(but)
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in left_out)
