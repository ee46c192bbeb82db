"""Facts about a fetched clip, read from the file itself.

Belongs here: putting together what `probing` reads of tracks, time, colour and geometry.
Does not belong here: any judgement of what the frames show (measuring).
"""

from dataclasses import dataclass
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer

from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.model import (
    ClipFacts,
    ClipSource,
    FetchedClip,
    FrameRate,
    LogProfile,
    Ratio,
)
from montage_pipeline.footage.probing.around import refuse_bent
from montage_pipeline.footage.probing.claims import refuse_duration
from montage_pipeline.footage.probing.colour import Colour, colour_of
from montage_pipeline.footage.probing.encryption import refuse_encrypted
from montage_pipeline.footage.probing.geometry import Geometry, geometry_of
from montage_pipeline.footage.probing.log_profile import log_profile_of
from montage_pipeline.footage.probing.sizes import typical_frame
from montage_pipeline.footage.probing.timing import (
    Ending,
    ending_of,
    frame_rate_of,
    unread_note,
)
from montage_pipeline.footage.probing.tracks import (
    VideoTrack,
    pick_audio_track,
    pick_video_track,
    refuse_declared_sizes,
    video_tracks,
)
from montage_pipeline.footage.transparency import is_transparent

_INTERLACED_FIELD_ORDERS = {2, 3, 4, 5}  # of libavcodec's AVFieldOrder: all but progressive


@dataclass(frozen=True)
class Probe:
    """A clip's facts, and what is odd about it in sentences for the user."""

    facts: ClipFacts
    notes: tuple[str, ...]


def probe(clip: FetchedClip) -> ClipFacts:
    """The facts of a clip. Raises as `probe_with_notes`."""
    return probe_with_notes(clip).facts


def probe_with_notes(clip: FetchedClip) -> Probe:
    """The facts of a clip, with notes on a file cut short, on what is left out, or shown otherwise.

    Raises PermanentError: CLIP_ENCRYPTED, CLIP_UNREADABLE (not a media file, or damaged before the
    first frame), CLIP_NO_VIDEO (sound only, or a single frame), CLIP_BAD_SIZE (too small, too large
    or too long a strip), CLIP_NOT_FLAT (3D or 360° video of a rare kind), CLIP_STRANGE_COLOUR
    (colours coded in a way that would come out wrong), CLIP_IMPLAUSIBLE (longer than any clip).
    """
    refuse_encrypted(clip.path)
    return _probed(clip.path, clip)


def probe_stored(address: str) -> ClipFacts:
    """The facts of a clip that is read in ranges, as far as one of its frames needs them: not what
    only its bytes tell (encryption, a projection, a log profile), nor its name and hash.

    Raises as `probe_with_notes`.
    """
    return _probed(address, FetchedClip(url="", path=Path(), sha256="", bytes=0)).facts


def _probed(source: ClipSource, clip: FetchedClip) -> Probe:
    with open_clip(source, undecoded=True) as container:
        refuse_declared_sizes(container)
    with open_clip(source) as container:
        tracks = video_tracks(container)
        if isinstance(source, Path):
            refuse_bent(source, tracks)
        video = pick_video_track(container, tracks)
        colour = colour_of(video.stream, video.first_frame)
        ending = ending_of(container, video.stream, video.start_s, video.pace)
        refuse_duration(ending.end_s - video.start_s)
        audio = pick_audio_track(container)
        clip_s = (video.start_s, ending.end_s)
        # What is read in ranges is not looked through for the sake of one frame near its beginning.
        seen_s = clip_s if isinstance(source, Path) else None
        shown = typical_frame(
            container, video.stream, video.first_frame, seen_s, rebuilt=clip.rebuilt
        )
        geometry = geometry_of(shown.frame, shown.sample_aspect)
        transparent = is_transparent(video.stream.codec_context.name, colour.pixel_format)
        log = None
        # No camera records transparency.
        if isinstance(source, Path) and colour.hdr == "sdr" and not transparent:
            log = log_profile_of(source, container, video, clip_s)

        unread = unread_note(container, ending)
        notes = [note for note in (ending.note, unread, geometry.note) if note]
        if audio is None and container.streams.audio:
            notes.append(f"its sound track {_why_unheard(container)} and is left out")
        if transparent:
            notes.append("it has an alpha channel; what is transparent in it is shown black")
        if len(tracks) > 1:
            notes.append(f"it has {len(tracks)} video tracks; track {video.stream.index} is used")

        facts = _Findings(container, video, audio, colour, geometry, log, ending).facts(clip)
        return Probe(facts, tuple(notes))


def _why_unheard(container: InputContainer) -> str:
    rates = [stream.codec_context and stream.sample_rate for stream in container.streams.audio]
    claimed = max((rate for rate in rates if rate), default=0)
    if not claimed:
        return "cannot be decoded"
    return f"claims {claimed:,} samples per second, or channels without number,"


@dataclass(frozen=True)
class _Findings:
    """What was read of an opened clip."""

    container: InputContainer
    video: VideoTrack
    audio: AudioStream | None
    colour: Colour
    geometry: Geometry
    log: LogProfile | None
    ending: Ending

    def facts(self, clip: FetchedClip) -> ClipFacts:
        """The findings as the document that is stored."""
        stream, audio = self.video.stream, self.audio
        fps = frame_rate_of(stream, self.video.pace)
        return ClipFacts(
            url=clip.url,
            sha256=clip.sha256,
            version=clip.version,
            bytes=clip.bytes,
            rebuilt=clip.rebuilt,
            container=self.container.format.name,
            video_codec=stream.codec_context.name,
            video_stream=stream.index,
            coded_width=self.geometry.coded_width,
            coded_height=self.geometry.coded_height,
            width=self.geometry.width,
            height=self.geometry.height,
            sample_aspect=self._sample_aspect(),
            rotation_deg=self.geometry.rotation_deg,
            mirrored=self.geometry.mirrored,
            pixel_format=self.colour.pixel_format,
            bit_depth=self.colour.bit_depth,
            full_range=self.colour.full_range,
            interlaced=self._interlaced(),
            fps=FrameRate(num=fps.numerator, den=fps.denominator),
            variable_frame_rate=self.video.pace.variable,
            start_s=self.video.start_s,
            duration_s=self.ending.end_s - self.video.start_s,
            end_hold_s=self.ending.end_s - self.ending.last_frame_s,
            color_space=self.colour.matrix,
            color_primaries=self.colour.primaries,
            hdr=self.colour.hdr,
            audio_codec=audio.codec_context.name if audio else None,
            audio_stream=audio.index if audio else None,
            audio_channels=audio.codec_context.channels if audio else None,
            audio_sample_rate=audio.codec_context.sample_rate if audio else None,
            view=self.geometry.view,
            log=self.log,
        )

    def _sample_aspect(self) -> Ratio | None:
        aspect = self.geometry.sample_aspect
        if aspect == 1:
            return None
        return Ratio(num=aspect.numerator, den=aspect.denominator)

    def _interlaced(self) -> bool:
        field_order = int(self.video.stream.codec_context.field_order or 0)
        return self.video.first_frame.interlaced_frame or (field_order in _INTERLACED_FIELD_ORDERS)
