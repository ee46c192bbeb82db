"""The first pass: some keyframes spread over a long clip, and samples of its sound.

Belongs here: what is known of a clip before it is looked at closely.
Does not belong here: decoding keyframes (footage.measuring.coarse), what they promise (stretches).
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from montage_pipeline.analysis.scan.probed import ProbedClip
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.measuring.coarse import Glance, glance_over
from montage_pipeline.footage.measuring.sound import SILENCE, Sound, listen
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span

# The sound of a long clip is listened to in samples, so that its length does not set the cost.
# Eight of a second each are enough to rank its stretches by loudness.
_SOUND_SAMPLES = 8
_SOUND_SAMPLE_S = 1.0


class Seen(NamedTuple):
    """What some keyframes show, in order of time, and what was heard."""

    glances: tuple[Glance, ...]
    sound: Sound


@dataclass(frozen=True)
class KeyframeScan:
    """A clip with what its keyframes show, in order of time, and what was heard.

    `glances` is empty when no keyframe can be decoded.
    """

    clip: ProbedClip
    glances: tuple[Glance, ...]
    sound: Sound

    def nearest(self, time_s: float) -> Glance | None:
        """The keyframe nearest to a time; None when there is none."""
        place = bisect_left(self._times_s, time_s)
        near = self.glances[max(0, place - 1) : place + 1]
        return min(near, key=lambda glance: abs(glance.time_s - time_s), default=None)

    def inside(self, span: Span) -> list[Glance]:
        """The keyframes inside a span."""
        first = bisect_left(self._times_s, span.start_s)
        return [
            glance
            for glance in self.glances[first : bisect_right(self._times_s, span.end_s)]
            if span.holds(glance.time_s)
        ]

    @cached_property
    def _times_s(self) -> list[float]:
        return [glance.time_s for glance in self.glances]


def scan_keyframes(clip: ProbedClip, max_work: float, decoder_threads: int) -> Seen:
    """Look at as many keyframes as `max_work` megapixels pay for, and listen to samples.

    A clip that cannot be decoded shows nothing: measuring it will say what is wrong with it.
    """
    facts = clip.facts
    try:
        glances = glance_over(clip.indexed(decoder_threads), max_work)
        sound = listen(clip.clip.path, facts, _sound_samples(facts), for_speech=False)
    except PermanentError:
        return Seen((), SILENCE)
    return Seen(glances, sound)


def _sound_samples(facts: ClipFacts) -> list[Span]:
    """Spans spread evenly over the clip; all of it where they would cover half of it or more."""
    if facts.duration_s <= 2 * _SOUND_SAMPLES * _SOUND_SAMPLE_S:
        return [Span(facts.start_s, facts.start_s + facts.duration_s)]

    step_s = facts.duration_s / _SOUND_SAMPLES
    starts_s = [facts.start_s + (number + 0.5) * step_s for number in range(_SOUND_SAMPLES)]
    return [Span(start_s, start_s + _SOUND_SAMPLE_S) for start_s in starts_s]
