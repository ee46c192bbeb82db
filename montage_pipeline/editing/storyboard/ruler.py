"""The ruler under the cards: segments, cuts and beats over the seconds of the Reel."""

from typing import NamedTuple

from montage_pipeline.editing.storyboard import drawing as d
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.music.model import MusicTrack

RULER_HEIGHT = 170

_SCALE_STEPS_S = (1, 2, 5, 10, 20)
_MIN_LABEL_PIXELS = 44
"""Labels of the scale stay at least this far apart."""


class _Scale(NamedTuple):
    """Where seconds of the Reel lie: `left` is 0, `right` its end."""

    left: int
    right: int
    seconds: float

    @property
    def pixels_per_s(self) -> float:
        return (self.right - self.left) / self.seconds

    def x(self, time_s: float) -> float:
        return self.left + time_s * self.pixels_per_s


def draw_ruler(
    sheet: d.Sheet, timeline: Timeline, music: MusicTrack, at: tuple[int, int], right: int
) -> None:
    """Draw the ruler with its top left corner `at`, to the x `right`."""
    left, top = at
    title = f"Cuts on the music, which starts at {timeline.music.source_in_s:.2f} s"
    d.text(sheet.draw, (left, top + 8), title, 19)
    _draw_legend(sheet, top, right)

    scale = _Scale(left, right, float(timeline.duration))
    blocks, beats = top + 48, top + 100
    _draw_segments(sheet, timeline, scale, blocks)
    sheet.draw.line((left, beats + 34, right, beats + 34), fill=d.LINE, width=1)
    _draw_beats(sheet, timeline, music, scale, beats)
    _draw_cuts(sheet, timeline, scale, (blocks + 44, beats + 38))
    _draw_seconds(sheet, scale, beats + 44)


def _draw_legend(sheet: d.Sheet, top: int, right: int) -> None:
    entries = (
        ("cut off the beat", d.WARNING),
        ("cut on a beat", d.GOOD),
        ("beat", d.FAINT),
        ("downbeat", d.ACCENT),
    )
    x = right
    for name, colour in entries:
        d.text(sheet.draw, (x, top + 10), name, 15, d.MUTED, "ra")
        x -= d.width_of(name, 15) + 12
        sheet.draw.rounded_rectangle((x, top + 12, x + 5, top + 26), radius=2, fill=colour)
        x -= 22


def _draw_segments(sheet: d.Sheet, timeline: Timeline, scale: _Scale, top: int) -> None:
    """A numbered block per segment, in the colour of its clip."""
    rate = float(timeline.fps.fraction)
    frame = 0
    for number, segment in enumerate(timeline.segments, start=1):
        start, end = scale.x(frame / rate), scale.x((frame + segment.frames) / rate)
        box = (round(start) + 1, top, round(end) - 2, top + 40)
        sheet.draw.rounded_rectangle(box, radius=6, fill=d.clip_colour(segment.clip))
        d.text(sheet.draw, ((start + end) / 2, top + 20), str(number), 16, d.PAPER, "mm")
        frame += segment.frames


def _draw_beats(
    sheet: d.Sheet, timeline: Timeline, music: MusicTrack, scale: _Scale, top: int
) -> None:
    downbeats = set(music.grid.downbeats_s)
    for beat_s in music.grid.beats_s:
        at_s = beat_s - timeline.music.source_in_s
        if not (0 <= at_s <= scale.seconds and beat_s <= music.duration_s):
            continue
        x, downbeat = round(scale.x(at_s)), beat_s in downbeats
        sheet.draw.line(
            (x, top + (8 if downbeat else 20), x, top + 34),
            fill=d.ACCENT if downbeat else d.FAINT,
            width=2 if downbeat else 1,
        )


def _draw_cuts(
    sheet: d.Sheet, timeline: Timeline, scale: _Scale, top_and_bottom: tuple[int, int]
) -> None:
    """A line per cut, its colour saying whether it is on a beat."""
    top, bottom = top_and_bottom
    for frame, segment in zip(timeline.cut_frames, timeline.segments, strict=False):
        x = round(scale.x(frame / float(timeline.fps.fraction)))
        colour = d.GOOD if segment.on_beat else d.WARNING
        sheet.draw.rectangle((x - 1, top, x + 1, bottom), fill=colour)


def _draw_seconds(sheet: d.Sheet, scale: _Scale, top: int) -> None:
    step = next(s for s in _SCALE_STEPS_S if s * scale.pixels_per_s >= _MIN_LABEL_PIXELS)
    for second in range(0, int(scale.seconds) + 1, step):
        x = round(scale.x(second))
        anchor = "la" if second == 0 else "ra" if x > scale.right - 16 else "ma"
        at = max(scale.left, min(x, scale.right)), top
        d.text(sheet.draw, at, f"{second} s", 14, d.FAINT, anchor)
