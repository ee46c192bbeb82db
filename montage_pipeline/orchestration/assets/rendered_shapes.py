"""Rendering an edit in one shape and size; and in every further shape that was asked for.

Does not belong here: planning again what cannot be rendered (rendered_video).
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.edit_timeline import EditInputs
from montage_pipeline.orchestration.assets.request_facts import clip_sources
from montage_pipeline.orchestration.documents import store_document
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.rendering.model import FormatVideo
from montage_pipeline.spans import Span
from montage_pipeline.storage.keys import format_place, poster_key, video_key
from montage_pipeline.vocabulary import Format, Look, Step

if TYPE_CHECKING:
    from montage_pipeline.rendering.render import CheckedReel

_RENDERED = 0.95
"""Share of the step that is done when every file is rendered and checked."""


def at_preview_size(timeline: Timeline) -> Timeline:
    """The same edit in half the size: crops are in pixels of the source, and stay. It has a poster
    and no more: nobody chooses a cover of a preview.
    """
    size = timeline.format.preview_size
    changed = {"width": size.width, "height": size.height, "cover_candidates": ()}
    return timeline.model_copy(update=changed)


def render_shape(
    scope: StepScope, timeline: Timeline, music: MusicTrack, folder: Path, share: Span
) -> "CheckedReel":
    """The checked file of a timeline in `folder`, for a preview as a draft. `share` is which part
    of the rendering it is, 0..1.
    """
    from montage_pipeline.rendering.render import render_checked

    services = scope.services
    folder.mkdir(exist_ok=True)
    music_path = folder / Path(music.key).name
    services.store.download(music.key, music_path)
    sources = clip_sources(services, timeline)
    try:
        return render_checked(
            timeline,
            sources,
            music_path,
            folder,
            services.render_engine(draft=scope.request.options.preview),
            lambda done: scope.progress(_RENDERED * (share.start_s + share.duration_s * done)),
        )
    except MontageError as error:
        # Behind a clip that is read in ranges stands the store: its reason says more than a
        # reader's broken connection.
        reason = services.fetcher.range_error()
        if reason is None:
            raise
        raise reason from error


def other_formats(scope: StepScope, edit: EditInputs, folder: Path) -> tuple[FormatVideo, ...]:
    """The edit in every further shape that was asked for, each checked and stored."""
    _, *others = scope.request.formats
    return tuple(
        _in_format(scope, edit, shape, folder / shape, number)
        for number, shape in enumerate(others, start=1)
    )


def _in_format(
    scope: StepScope, edit: EditInputs, shape: Format, folder: Path, number: int
) -> FormatVideo:
    from montage_pipeline.editing.decoded.steadied_edit import steadied_timeline
    from montage_pipeline.editing.steadying.steadied import stability_of
    from montage_pipeline.editing.variants.formats import in_format

    timeline = in_format(edit.timeline, edit.analysis, shape)
    # Covers are chosen of the first shape alone.
    timeline = timeline.model_copy(update={"cover_candidates": ()})
    if scope.request.options.look is not Look.AS_SHOT:
        sources = clip_sources(scope.services, timeline)
        timeline = steadied_timeline(timeline, stability_of(edit.analysis), sources)
    if scope.request.options.preview:
        timeline = at_preview_size(timeline)
    count = len(scope.request.formats)
    part = Span(number / count, (number + 1) / count)
    reel = render_shape(scope, timeline, edit.music, folder, part)
    store, place = scope.services.store, format_place(scope.request.id, shape)
    store_document(scope.services, place, Step.EDIT_TIMELINE, timeline)
    with reel.video.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    key = video_key(place)
    stored = store.put_file(key, reel.video, content_type="video/mp4", sha256=sha256)
    store.put_file(poster_key(place), reel.poster, content_type="image/jpeg")
    reel.video.unlink()
    return FormatVideo(
        format=shape,
        key=stored.key,
        sha256=sha256,
        bytes=stored.bytes,
        poster_key=poster_key(place),
        run=reel.run,
        check=reel.check,
        warnings=reel.warnings,
    )
