"""Whatever a file is called: it is found by its address, and its name can be printed."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.footage.names import (
    clip_name,
    file_path,
    names_on_disk,
    printable,
    shown_url,
)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(st.binary(min_size=1, max_size=40).filter(lambda n: n.strip(b".") and not {0, 47} & {*n}))
def test_an_address_leads_to_its_file_byte_for_byte(name: bytes) -> None:
    path = Path("/clips", os.fsdecode(name))
    assert os.fsencode(file_path(path.as_uri())) == b"/clips/" + name
    shown = clip_name(path.as_uri())
    assert _encodable(shown)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"holiday[red]2024.mp4", "holiday[red]2024.mp4"),
        (b"100%25 #1?.mp4", "100%25 #1?.mp4"),
        ("Füße 🎉👩‍👧.mp4".encode(), "Füße 🎉👩‍👧.mp4"),
        (b"caf\xe9.mp4", r"caf\xe9.mp4"),
        (b"two\nlines\x1b[31m.mp4", r"two\nlines\x1b[31m.mp4"),
        ("gpj\u202e4pm.exe".encode(), r"gpj\u202e4pm.exe"),
    ],
)
def test_a_name_is_printed_as_it_is(name: bytes, shown: str) -> None:
    assert clip_name(Path("/clips", os.fsdecode(name)).as_uri()) == shown
    assert clip_name(f"/clips/{os.fsdecode(name)}") == shown
    assert printable(shown) == shown


def test_of_web_addresses_the_file_is_named_without_signature() -> None:
    url = "https://user@cdn.example.com/a%20b/c%5Bd%5D.mp4?X-Amz-Signature=secret"
    assert clip_name(url) == "c[d].mp4"
    assert shown_url(url) == "https://cdn.example.com/a%20b/c%5Bd%5D.mp4"


def test_files_of_the_same_name_are_told_apart_by_their_folders() -> None:
    paths = ("/card 1/100/a.mp4", "/card 1/101/a.mp4", "/card 2/101/a.mp4", "/card 2/101/b.mp4")
    assert names_on_disk([Path(path).as_uri() for path in paths]) == [
        "100/a.mp4",
        "card 1/101/a.mp4",
        "card 2/101/a.mp4",
        "b.mp4",
    ]
    # Folders of an upload mean nothing to anybody.
    assert names_on_disk(["s3://montage/uploads/1/a.mp4", "/a.mp4"]) == ["a.mp4", "a.mp4"]
