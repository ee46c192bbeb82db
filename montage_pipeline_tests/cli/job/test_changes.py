"""What a person types to change a segment, against the changes that the API takes."""

from pathlib import Path
from uuid import uuid4

import pytest

from montage_pipeline.cli.job.changes import named_files, read_changes, typed_refusal
from montage_pipeline.editing.changing.carrying_out import carried_out
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.edit_view import AlternativeView, EditView
from montage_pipeline.requests.segment_changes.model import (
    BanSegment,
    CaptionSegment,
    ChangeMusic,
    LockSegment,
    MoveSegment,
    MuteSegment,
    NudgeCrop,
    ReplaceSegment,
    SlipSegment,
    TrimSegment,
)
from montage_pipeline_tests.api.routes.test_artefacts import view_of
from montage_pipeline_tests.editing.changing.test_carrying_out import planned

ROOM = planned().room
LAST = len(ROOM.segments)


@pytest.fixture(scope="module")
def edit() -> EditView:
    """The edit of the room as a page shows it."""
    view = view_of(uuid4())
    [like] = view.segments
    segments = []
    for number, segment in enumerate(ROOM.segments):
        offered = tuple(
            AlternativeView(
                id=found.id,
                clip=found.footage.clip,
                moment=found.footage.moment,
                start_s=found.footage.start_s,
                end_s=found.footage.start_s + 3,
                points=found.points,
                what=found.what,
                why=found.why,
                thumbnail_key="",
            )
            for found in segment.alternatives
        )
        segments.append(like.model_copy(update={"number": number, "alternatives": offered}))
    return view.model_copy(update={"segments": tuple(segments)})


def test_every_change_can_be_typed(edit: EditView, tmp_path: Path) -> None:
    song = tmp_path / "my: song.mp3"
    song.touch()
    third = ROOM.segments[2].alternatives[1].id
    expected = {
        "lock:1": LockSegment(segment=0),
        "unlock:2": LockSegment(segment=1, locked=False),
        "ban:3": BanSegment(segment=2),
        "replace:3:2": ReplaceSegment(segment=2, alternative=third),
        "trim:4:in:-6": TrimSegment(segment=3, edge="in", frames=-6),
        "trim:4:out:+6:off-beat": TrimSegment(segment=3, edge="out", frames=6, off_beat=True),
        "slip:2:12": SlipSegment(segment=1, frames=12),
        f"move:2:{LAST}": MoveSegment(segment=1, to=LAST - 1),
        "crop:2:-40:0": NudgeCrop(segment=1, x=-40, y=0),
        "mute:2": MuteSegment(segment=1),
        "unmute:2": MuteSegment(segment=1, muted=False),
        "caption:1:At six: home": CaptionSegment(segment=0, text="At six: home"),
        "caption:1:": CaptionSegment(segment=0, text=""),
        f"music:{song}": ChangeMusic(url=song.as_uri()),
        "music:new": ChangeMusic(url=None),
        "music:https://example.com/a.mp3": ChangeMusic(url="https://example.com/a.mp3"),
    }
    assert read_changes(list(expected), edit) == tuple(expected.values())
    assert named_files(list(expected))[0] == song
    assert Path("new") not in named_files(list(expected))


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("swap:1:2", ErrorCode.CHANGE_MISSPELT, "there is no such change"),
        ("lock", ErrorCode.CHANGE_MISSPELT, "it lacks the number of a segment"),
        ("lock:0", ErrorCode.CHANGE_MISSPELT, f"the Reel has 1 to {LAST}"),
        (f"ban:{LAST + 1}", ErrorCode.CHANGE_MISSPELT, f"there is no segment {LAST + 1}"),
        ("move:1:99", ErrorCode.CHANGE_MISSPELT, "there is no place 99"),
        ("replace:3:77", ErrorCode.CHANGE_MISSPELT, "segment 3 has no alternative 77"),
        ("replace:3", ErrorCode.CHANGE_MISSPELT, "it is written replace:N:A"),
        ("trim:3:end:4", ErrorCode.CHANGE_MISSPELT, "'end' is neither in nor out"),
        ("trim:3:out:4:late", ErrorCode.CHANGE_MISSPELT, "'late' is not off-beat"),
        ("slip:3:a bit", ErrorCode.CHANGE_MISSPELT, "'a bit' is not a number of frames"),
        ("caption:3", ErrorCode.CHANGE_MISSPELT, "caption:N:TEXT"),
        ("caption:3:ᚠ", ErrorCode.CAPTION_UNSUPPORTED, "ᚠ"),
        ("music:/nowhere/song.mp3", ErrorCode.NO_SUCH_MUSIC, "/nowhere/song.mp3"),
    ],
)
def test_what_is_no_change_is_named(edit: EditView, typed: str, code: ErrorCode, said: str) -> None:
    with pytest.raises(PermanentError) as refused:
        read_changes(["lock:1", typed], edit)
    assert refused.value.code is code
    assert said in refused.value.message


@pytest.mark.parametrize(
    "typed", ["slip:2:9000", "trim:3:out:80", "crop:2:9000:0", "trim:3:in:80:off-beat"]
)
def test_what_is_possible_instead_can_be_typed(edit: EditView, typed: str) -> None:
    asked = ["mute:1", typed] if ROOM.segments[0].footage.heard else ["lock:1", typed]
    with pytest.raises(PermanentError) as refused:
        carried_out(ROOM, read_changes(asked, edit))
    told = typed_refusal(refused.value, asked, edit)
    assert told.code is ErrorCode.CHANGE_IMPOSSIBLE
    assert told.message.startswith(f"{typed}: ")
    possible = told.message.split("Possible instead: ")[1].rstrip(".").split(", ")
    assert possible
    for instead in possible:
        assert instead != typed
        carried_out(ROOM, read_changes([asked[0], instead], edit))


def test_a_replacement_that_does_not_fit_names_others_by_their_rank(edit: EditView) -> None:
    offered = [found.id for found in ROOM.segments[2].alternatives]
    details = {"change": 0, "nearest": [offered[2], offered[0]]}
    refusal = PermanentError(ErrorCode.CHANGE_IMPOSSIBLE, "No.", **details)
    told = typed_refusal(refusal, ["replace:3:2"], edit)
    assert told.message == "replace:3:2: No. Possible instead: replace:3:3, replace:3:1."
