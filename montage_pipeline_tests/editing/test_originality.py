"""What makes a Reel original, and that every loss is named."""

from montage_pipeline.analysis.model import Overlay
from montage_pipeline.editing.originality import originality_report
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Originality, Segment
from montage_pipeline.footage.model import Box
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import (
    analysis,
    facts,
    moment,
    steady_clips,
    steady_music,
)

CLIPS = steady_clips(5, 30)
MUSIC = steady_music(120, 40)
PLAN = plan_timeline(
    EditRequest(request_id="r", style="travel", format=Format.REEL, duration_s=30, seed=1),
    CLIPS,
    MUSIC,
)
FPS = PLAN.fps.fraction


def report(segments: list[Segment]) -> dict[str, float]:
    made = originality_report(segments, CLIPS, MUSIC, FPS)
    return scores(made) | {"all": made.score}


def scores(made: Originality) -> dict[str, float]:
    return {part.name: part.score for part in made.parts}


def test_a_varied_edit_is_original() -> None:
    assert PLAN.originality.score > 0.9
    assert scores(PLAN.originality)["frames shown once"] == 1
    assert all(part.note for part in PLAN.originality.parts)


def test_showing_frames_twice_costs_what_is_repeated() -> None:
    first, *rest = PLAN.segments
    twice = report([first, *rest, rest[0]])
    total = sum(segment.frames for segment in PLAN.segments) + rest[0].frames
    assert abs(twice["frames shown once"] - (1 - rest[0].frames / total)) < 1e-6
    assert twice["all"] < PLAN.originality.score


def test_a_copy_of_a_file_by_another_name_is_still_the_same_footage() -> None:
    original = facts("a", 10)
    copy = original.model_copy(update={"url": "https://clips.example/copy.mp4"})
    clips = analysis([(original, [moment(0, 0, 0, 10)]), (copy, [moment(1, 0, 0, 10)])])
    shown = [
        PLAN.segments[1].model_copy(
            update={"clip": clip, "moment": f"c{clip}m0", "source_in_s": 2.0}
        )
        for clip in (0, 1)
    ]
    assert scores(originality_report(shown, clips, MUSIC, FPS))["frames shown once"] == 0.5


def test_one_clip_and_one_look_and_one_take_each_lose_their_part() -> None:
    clip = CLIPS.clips[0].moments
    take = [
        PLAN.segments[1].model_copy(
            update={"clip": 0, "moment": clip[0].id, "source_in_s": at_s, "frames": 90}
        )
        for at_s in (0, 3.1, 6.2)
    ]
    lost = report(take)
    assert lost["clip variety"] == 0
    assert lost["cuts look different"] == 0
    assert lost["edited, not the raw take"] == 0
    assert lost["frames shown once"] == 1


def test_every_loss_is_named_in_its_parts_note() -> None:
    names = {part.name: part for part in PLAN.originality.parts}
    assert (
        names["no borders or watermarks"].score
        == names["new footage"].score
        == names["music made for this Reel"].score
        == 1
    )
    own = MUSIC.model_copy(update={"composer": "user", "prompt": ""})
    seen = [
        SeenSegment(
            sha256=CLIPS.clips[s.clip].facts.sha256, start_s=s.source_in_s, end_s=s.source_in_s + 1
        )
        for s in PLAN.segments[:2]
    ]
    alike = CLIPS.moment(PLAN.segments[1].moment).fingerprint
    first = CLIPS.moment(PLAN.segments[0].moment)
    # One sign in the middle of what the crop shows, and writing in a corner that no upright crop
    # reaches together with it.
    crop, size = PLAN.segments[0].crop, CLIPS.clips[PLAN.segments[0].clip].facts
    shown = Box(x=(crop.x + crop.width / 2) / size.width, y=0.5, width=0.02, height=0.05)
    away = Box(x=0.0 if crop.x > size.width / 4 else 0.95, y=0.9, width=0.05, height=0.05)
    overlays = (Overlay(kind="watermark", box=shown), Overlay(kind="text", box=away))
    marked = first.model_copy(update={"fingerprint": alike, "overlays": overlays})
    clips = CLIPS.model_copy(
        update={
            "clips": tuple(
                clip.model_copy(
                    update={
                        "moments": tuple(marked if m.id == marked.id else m for m in clip.moments)
                    }
                )
                for clip in CLIPS.clips
            )
        }
    )
    lost = {
        part.name: part for part in originality_report(PLAN.segments, clips, own, FPS, seen).parts
    }
    assert lost["no borders or watermarks"].score == 1 - 1 / len(PLAN.segments)
    assert "cut 1 (watermark)" in lost["no borders or watermarks"].note
    assert "Cuts 1 and 2 look alike" in lost["cuts look different"].note
    assert abs(lost["new footage"].score - (1 - 2 / 30)) < 1e-3
    assert "cuts 1 and 2" in lost["new footage"].note
    assert lost["music made for this Reel"].score < 1
    assert "own music" in lost["music made for this Reel"].note
