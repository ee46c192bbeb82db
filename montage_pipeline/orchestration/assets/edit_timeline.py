"""What `edit_timeline` does: plan the edit, draw its storyboard, and write it for other editing
programs.
"""

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.request_facts import bullets, clip_sources, seed_of
from montage_pipeline.orchestration.services import Services
from montage_pipeline.orchestration.steps import StepScope

if TYPE_CHECKING:
    from montage_pipeline.requests.seen import SeenSegment


def plan_edit(
    scope: StepScope, services: Services, analysis: ClipAnalysis, music: MusicTrack
) -> MaterializeResult[Timeline]:
    """The edit, with its storyboard and its OpenTimelineIO file in the object store."""
    from montage_pipeline.editing.export import EditFormat, exported_edit
    from montage_pipeline.editing.planner import EditRequest, plan_timeline
    from montage_pipeline.editing.storyboard.storyboard import draw_storyboard, storyboard_thumbnail

    timeline = plan_timeline(
        EditRequest(
            request_id=str(scope.request.id),
            style=scope.request.style,
            format=scope.request.format,
            duration_s=float(scope.request.duration_s),
            seed=seed_of(scope),
            hook_clip=scope.request.options.hook_clip or "",
            must_use=scope.request.options.must_use,
            caption=scope.request.options.captions or "",
            seen=_seen(scope, services, analysis),
        ),
        analysis,
        music,
    )
    scope.progress(0.4)
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="storyboard-") as folder:
        picture = Path(folder) / "storyboard.png"
        draw_storyboard(timeline, analysis, clip_sources(services, timeline), music, picture)
        thumbnail = base64.b64encode(storyboard_thumbnail(picture)).decode()
        key = f"work/{scope.request.id}/storyboard.png"
        services.store.put_file(key, picture, content_type="image/png")
    edit_key = f"work/{scope.request.id}/timeline.otio"
    edit = exported_edit(timeline, EditFormat.OTIO, music, services.store.media_url(music.key))
    services.store.put_bytes(
        edit_key, edit.encode(), content_type="application/vnd.pixar.opentimelineio+json"
    )
    cuts = len(timeline.segments) - 1
    on_beat = sum(segment.on_beat for segment in timeline.segments[:-1])
    return dg.MaterializeResult(
        value=timeline,
        metadata={
            "storyboard": MetadataValue.md(
                f"[![storyboard](data:image/jpeg;base64,{thumbnail})]({services.store.media_url(key)})"
            ),
            "segments": len(timeline.segments),
            "clips_used": len({segment.clip for segment in timeline.segments}),
            "duration_s": float(timeline.duration),
            "cuts_on_beat": f"{on_beat} of {cuts}",
            "originality": timeline.originality.score,
            "originality_parts": MetadataValue.table(
                records=[
                    dg.TableRecord(
                        {
                            "part": part.name,
                            "score": round(part.score, 3),
                            "weight": part.weight,
                            "note": part.note,
                        }
                    )
                    for part in timeline.originality.parts
                ]
            ),
            "seed": str(timeline.seed),
            "edit_for_other_programs": MetadataValue.url(services.store.media_url(edit_key)),
            "why": MetadataValue.md(bullets(segment.why for segment in timeline.segments)),
            "warnings": MetadataValue.md(bullets(timeline.warnings) or "none"),
        },
    )


def _seen(
    scope: StepScope, services: Services, analysis: ClipAnalysis
) -> "tuple[SeenSegment, ...]":
    """What the user's Reels of before this request showed of the same or of alike footage."""
    from montage_pipeline.rules import ALIKE_BITS

    return services.seen.earlier(
        scope.request.user_id,
        scope.request.created_at,
        files={clip.facts.sha256 for clip in analysis.clips},
        fingerprints={
            moment.fingerprint
            for clip in analysis.clips
            for moment in clip.moments
            if not moment.rejects
        },
        alike_bits=ALIKE_BITS,
    )
