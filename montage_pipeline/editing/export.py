"""The edit for other programs: OpenTimelineIO, and through it EDL (CMX 3600) and Final Cut XML.

Belongs here: what of a Timeline other editors understand (cuts, sources, sound, markers), and
writing it down. What they have no words for (the crop, the grade, the scores, the reasons) goes
along as metadata under "montage_pipeline". Does not belong here: any change to the edit.
"""

from enum import StrEnum
from pathlib import PurePosixPath

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.names import clip_name
from montage_pipeline.music.model import MusicTrack

METADATA = "montage_pipeline"
"""The key under which our own metadata goes along."""


class EditFormat(StrEnum):
    """A file format for edits; the value is the file's suffix."""

    OTIO = "otio"
    EDL = "edl"
    FCP_XML = "xml"


_ADAPTERS = {
    EditFormat.OTIO: "otio_json",
    EditFormat.EDL: "cmx_3600",
    EditFormat.FCP_XML: "fcp_xml",
}
_EDL_RATES = (24, 25, 30, 60)
"""Frame rates the EDL adapter writes: CMX 3600 counts whole frames a second."""


def exported_edit(
    timeline: Timeline, format: EditFormat, music: MusicTrack | None = None, music_url: str = ""
) -> str:
    """The text of the exported file.

    With `music` its track, and the Reel's beats as markers, go along; `music_url` is where the file
    can be read. Raises PermanentError EXPORT_IMPOSSIBLE when the format cannot hold this timeline.
    """
    if format is EditFormat.EDL and timeline.fps.fraction not in _EDL_RATES:
        rate = float(timeline.fps.fraction)
        raise PermanentError(
            ErrorCode.EXPORT_IMPOSSIBLE,
            f"an EDL has whole frames a second ({_EDL_RATES}), not {rate:g}; export OTIO or XML",
        )
    edit = otio_timeline(timeline, music, music_url)
    if format is EditFormat.EDL:
        # An EDL holds one video track.
        for track in list(edit.audio_tracks()):
            edit.tracks.remove(track)
    try:
        text: str = otio.adapters.write_to_string(edit, _ADAPTERS[format])
    except otio.exceptions.OTIOError as error:
        raise PermanentError(
            ErrorCode.EXPORT_IMPOSSIBLE, f"the edit cannot be written as {format.value}: {error}"
        ) from error
    return text


def otio_timeline(
    timeline: Timeline, music: MusicTrack | None = None, music_url: str = ""
) -> otio.schema.Timeline:
    """The edit as an OpenTimelineIO timeline: a track of video, one of the clips' own sound, one of
    the music.

    Every time is in frames of the Reel's rate. A source's frames are counted from the zero of its
    own clock, so that the in point of a clip with another rate is the nearest frame of the Reel's
    rate; its exact second is in the metadata.
    """
    rate = float(timeline.fps.fraction)
    edit = otio.schema.Timeline(
        name=f"Reel {timeline.request_id}", global_start_time=RationalTime(0, rate)
    )
    edit.metadata[METADATA] = timeline.model_dump(
        mode="json",
        include={"request_id", "seed", "style", "format", "width", "height", "warnings"},
    )
    video = otio.schema.Track("Picture", kind=otio.schema.TrackKind.Video)
    sound = otio.schema.Track("Clip sound", kind=otio.schema.TrackKind.Audio)
    for number, segment in enumerate(timeline.segments):
        facts = timeline.clips[segment.clip]
        video.append(_clip(number, segment, facts, rate))
        # Sound that is not there leaves a gap, so that the tracks stay in step.
        if facts.audio_stream is None:
            sound.append(otio.schema.Gap(duration=RationalTime(segment.frames, rate)))
        else:
            sound.append(_clip(number, segment, facts, rate))
    edit.tracks.extend([video, sound])
    if music is not None:
        edit.tracks.append(_music_track(timeline, music, music_url, rate))
        video.markers.extend(_beat_markers(timeline, music, rate))
    return edit


def _clip(number: int, segment: Segment, facts: ClipFacts, rate: float) -> otio.schema.Clip:
    first = RationalTime(round(facts.start_s * rate), rate)
    have = RationalTime(int(facts.duration_s * rate), rate)
    begin = RationalTime(round(segment.source_in_s * rate), rate)
    about = segment.model_dump(
        mode="json",
        include={
            "moment",
            "source_in_s",
            "crop",
            "grade",
            "role",
            "on_beat",
            "score",
            "why",
            "clip_gain_db",
        },
    )
    about |= {"segment": number, "source_fps": float(facts.fps.fraction), "sha256": facts.sha256}
    return otio.schema.Clip(
        name=clip_name(facts.url),
        media_reference=otio.schema.ExternalReference(
            target_url=facts.url, available_range=TimeRange(first, have)
        ),
        source_range=TimeRange(begin, RationalTime(segment.frames, rate)),
        metadata={METADATA: about},
    )


def _music_track(timeline: Timeline, music: MusicTrack, url: str, rate: float) -> otio.schema.Track:
    track = otio.schema.Track("Music", kind=otio.schema.TrackKind.Audio)
    have = TimeRange(RationalTime(0, rate), RationalTime(int(music.duration_s * rate), rate))
    begin = RationalTime(round(timeline.music.source_in_s * rate), rate)
    about = timeline.music.model_dump(mode="json") | {"bpm": music.grid.bpm}
    track.append(
        otio.schema.Clip(
            name=PurePosixPath(music.key).name,
            media_reference=otio.schema.ExternalReference(
                target_url=url or music.key, available_range=have
            ),
            source_range=TimeRange(begin, RationalTime(timeline.total_frames, rate)),
            metadata={METADATA: about},
        )
    )
    return track


def _beat_markers(timeline: Timeline, music: MusicTrack, rate: float) -> list[otio.schema.Marker]:
    downbeats = set(music.grid.downbeats_s)
    markers = []
    for beat_s in music.grid.beats_s:
        frame = round((beat_s - timeline.music.source_in_s) * rate)
        if 0 <= frame < timeline.total_frames:
            first = beat_s in downbeats
            markers.append(
                otio.schema.Marker(
                    name="downbeat" if first else "beat",
                    marked_range=TimeRange(RationalTime(frame, rate), RationalTime(0, rate)),
                    color=otio.schema.MarkerColor.RED if first else otio.schema.MarkerColor.BLUE,
                )
            )
    return markers
