"""The edit for other programs: OpenTimelineIO, and through it EDL (CMX 3600) and Final Cut XML.

Belongs here: what of a Timeline other editors understand (cuts, sources, sound, markers), and
writing it down. What they have no words for (the crop, the grade, the scores, the reasons) goes
along as metadata under "montage_pipeline". Does not belong here: any change to the edit.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

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
_EVENT_FIELDS = 8
"""Of a line of an EDL that says what is shown when."""

_EDL_RATES = (24, 25, 30, 60)
"""Frame rates the EDL adapter writes: CMX 3600 counts whole frames a second."""


def exported_edit(
    timeline: Timeline, format: EditFormat, music: MusicTrack | None = None, music_url: str = ""
) -> str:
    """The text of the exported file.

    With `music` its track, and the Reel's beats as markers, go along; `music_url` is where the file
    is. Raises PermanentError EXPORT_IMPOSSIBLE when the format cannot hold this timeline.
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
    if format is EditFormat.FCP_XML:
        for clip in edit.find_clips():
            _slow_in_fcp(clip)
    try:
        text: str = otio.adapters.write_to_string(edit, _ADAPTERS[format])
    except otio.exceptions.OTIOError as error:
        raise PermanentError(
            ErrorCode.EXPORT_IMPOSSIBLE, f"the edit cannot be written as {format.value}: {error}"
        ) from error
    return _with_speeds(text, timeline) if format is EditFormat.EDL else text


def otio_timeline(
    timeline: Timeline, music: MusicTrack | None = None, music_url: str = ""
) -> otio.schema.Timeline:
    """The edit as an OpenTimelineIO timeline: a track of video, one of the clips' own sound, one of
    the music.

    Every time is in frames of the Reel's rate. A source's frames are counted from the zero of its
    own clock, so that the in point of a clip with another rate is the nearest frame of the Reel's
    rate; its exact second is in the metadata. A segment that plays slower has a LinearTimeWarp.
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
        # Sound that is not heard leaves a gap, so that the tracks stay in step.
        if facts.audio_stream is None or not segment.is_heard:
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
            "speed",
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
        effects=[otio.schema.LinearTimeWarp(time_scalar=segment.speed)]
        if segment.speed < 1
        else [],
        metadata={METADATA: about},
    )


def _slow_in_fcp(clip: otio.schema.Clip) -> None:
    """Write a clip's speed as Final Cut does, which the adapter leaves out: as a filter, with the
    in point counted in frames of the slowed clip.
    """
    for effect in clip.effects:
        speed = effect.time_scalar
        first, given = clip.available_range().start_time, clip.source_range
        slowed = round((given.start_time - first).value / speed)
        begin = RationalTime(first.value + slowed, first.rate)
        clip.source_range = TimeRange(begin, given.duration)
        clip.metadata["fcp_xml"] = {"filter": {"effect": _time_remap(speed, clip.parent().kind)}}


def _time_remap(speed: float, kind: str) -> dict[str, Any]:
    parameters = {
        "variablespeed": "0",
        "speed": f"{100 * speed:.4f}",
        "reverse": "FALSE",
        "frameblending": "FALSE",
    }
    return {
        "name": "Time Remap",
        "effectid": "timeremap",
        "effectcategory": "motion",
        "effecttype": "motion",
        "mediatype": kind.lower(),
        "parameter": [
            {"parameterid": name, "name": name, "value": value}
            for name, value in parameters.items()
        ],
    }


def _with_speeds(edl: str, timeline: Timeline) -> str:
    """The EDL with the source's out point of each slowed event, and its M2 line: the adapter
    divides by the speed, and names the clip where the reel belongs.
    """
    ends, rate = _source_ends(timeline), float(timeline.fps.fraction)
    speeds = (segment.speed for segment in timeline.segments)
    reel, begin, speed, lines = "", "", 1.0, []
    for line in edl.splitlines():
        # Number, reel, channels, kind, source in and out, record in and out.
        fields = line.split()
        if len(fields) == _EVENT_FIELDS and fields[0].isdigit():
            reel, begin, speed = fields[1], fields[4], next(speeds)
            lines.append(line.replace(f" {fields[5]} ", f" {next(ends)} ", 1))
        elif line.startswith("M2 "):
            lines.append(f"M2   {reel:<8} {speed * rate:05.1f} {begin:>26}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _source_ends(timeline: Timeline) -> Iterator[str]:
    rate = float(timeline.fps.fraction)
    for segment in timeline.segments:
        frames = max(1, round(segment.frames * segment.speed))
        end = RationalTime(round(segment.source_in_s * rate) + frames, rate)
        yield otio.opentime.to_timecode(end, rate)


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
