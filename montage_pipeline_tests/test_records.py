"""Reading documents that an earlier, a later or another version of the product stored."""

import json
from typing import Any, ClassVar, Literal, get_args

import pytest

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import Box
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.records import Migration, Record, read_document
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.storage.model import DeliveredObject
from montage_pipeline_tests.editing.footage import clips_of


def _named_in_seconds(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 2 called the length by its unit."""
    return {name: value for name, value in fields.items() if name != "length"} | {
        "length_s": fields["length"]
    }


def _with_default_title(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 3 added a title."""
    return fields | {"title": "untitled"}


class Draft(Record):
    """A document with a history: versions 1 and 2 can be lifted."""

    migrations: ClassVar[dict[int, Migration]] = {1: _named_in_seconds, 2: _with_default_title}

    schema_version: Literal[3] = 3
    length_s: float
    title: str


class Cover(Record):
    """A document whose earlier versions cannot be lifted."""

    schema_version: Literal[2] = 2
    colour: str


def _refused(kind: type[Record], data: bytes) -> PermanentError:
    with pytest.raises(PermanentError) as refusal:
        read_document(kind, data, "edit_timeline")
    assert refusal.value.code is ErrorCode.DOCUMENT_SCHEMA
    assert not refusal.value.retryable
    assert "edit_timeline" in refusal.value.message
    return refusal.value


def test_a_document_of_the_current_version_is_read_back() -> None:
    draft = Draft(length_s=1.5, title="beach")
    assert read_document(Draft, draft.model_dump_json().encode(), "draft") == draft


@pytest.mark.parametrize(
    "stored",
    [
        {"schema_version": 1, "length": 1.5},
        {"schema_version": 2, "length_s": 1.5},
        {"schema_version": 3, "length_s": 1.5, "title": "untitled"},
    ],
)
def test_migrations_lift_a_document_step_by_step(stored: dict[str, Any]) -> None:
    lifted = read_document(Draft, json.dumps(stored).encode(), "draft")
    assert lifted == Draft(length_s=1.5, title="untitled")


@pytest.mark.parametrize("version", [1, 3, 0, "2", None])
def test_another_version_is_refused_by_name(version: object) -> None:
    error = _refused(Cover, json.dumps({"schema_version": version, "colour": "red"}).encode())
    assert "this version of the product reads 2" in error.message


def test_a_damaged_document_that_cannot_be_lifted_is_refused() -> None:
    stored = json.dumps({"schema_version": 1, "clips": [{"facts": None}]}).encode()
    with pytest.raises(PermanentError) as refusal:
        read_document(ClipAnalysis, stored, "clip_analysis")
    assert refusal.value.code == ErrorCode.DOCUMENT_SCHEMA


def test_an_analysis_that_said_the_picture_beside_the_facts_is_lifted() -> None:
    new = clips_of(8.0, 9.0)
    old = json.loads(new.model_dump_json())
    picture = {"x": 0.0, "y": 0.125, "width": 1.0, "height": 0.75}
    for clip, inside in zip(old["clips"], (None, picture), strict=True):
        del clip["facts"]["picture"]
        clip["picture"] = inside
    lifted = read_document(ClipAnalysis, json.dumps(old | {"schema_version": 1}).encode(), "old")
    assert lifted.clips[0] == new.clips[0]
    assert lifted.clips[1].facts.picture == Box(**picture)


def test_a_document_without_a_version_is_refused() -> None:
    assert "no schema version" in _refused(Cover, b'{"colour": "red"}').message


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe"])
def test_what_is_not_a_document_is_refused(data: bytes) -> None:
    assert "JSON" in _refused(Cover, data).message


def test_a_document_that_does_not_fit_its_version_names_the_field() -> None:
    stored = b'{"schema_version": 2, "colour": "red", "shade": 1}'
    assert "shade" in _refused(Cover, stored).message


def test_a_stored_kind_without_a_schema_version_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="Record"):
        read_document(Record, b"{}", "edit_timeline")


@pytest.mark.parametrize(
    "kind", [ClipAnalysis, MusicTrack, Timeline, RenderedVideo, DeliveredObject]
)
def test_every_asset_stores_a_kind_with_a_schema_version(kind: type[Record]) -> None:
    field = kind.model_fields["schema_version"]
    assert get_args(field.annotation) == (field.default,)
