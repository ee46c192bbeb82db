"""The moments where something big starts: a drop, a new section, a lone accent."""

from collections.abc import Sequence

import numpy as np

from montage_pipeline.music.beats.onsets import FRAME_S, Curve, Onsets

_SECTION_CHANGE = 0.45
"""Change of energy that makes a section: bars of one section differ by 0.1 to 0.3, a verse after a
hook by 0.6, a drop by 0.7 or more.
"""
_ACCENT = 2.2
"""An accent has this many times the onset of the beats around it."""


def strong_places(
    curves: Onsets, beats: Curve, bar_starts: Sequence[int], beats_a_bar: int
) -> list[int]:
    """Which of `beats` (frames, fractional, ascending) are strong: their numbers, ascending.

    Sections start at one of `bar_starts` (numbers of beats); accents may be anywhere.
    """
    if len(beats) < 2:
        return list(range(len(beats)))
    beat = float(np.median(np.diff(beats)))
    # Log power, and twice the density of onsets, over four parts of the spectrum: what a listener
    # would call energy.
    density = np.stack([curves.bass, curves.body, curves.snap, curves.air], axis=1)
    energy = (curves.loudness.mean(axis=1) + 2.0 * density.mean(axis=1)) / 2
    total = np.concatenate([[0.0], np.cumsum(energy)])
    changes = np.array(
        [_change(total, float(beats[number]), beat * beats_a_bar) for number in bar_starts]
    )
    found = []
    for place, number in enumerate(bar_starts):
        # Rises compete with rises only: a pause of one bar has its end right after its start.
        towards = changes * np.sign(changes[place])
        if (
            towards[place] >= _SECTION_CHANGE
            and towards[place] >= towards[max(0, place - 1) : place + 2].max()
        ):
            found.append(number)
    return sorted({*found, *_accents(curves.all, beats, 2 * beats_a_bar)})


def _change(total: Curve, place: float, bar: float) -> float:
    """How much more energy the bars after a place have than those before it, over one bar and over
    two, averaged.

    `total` is the energy of all frames before each frame.
    """
    frames = len(total) - 1
    # A sound is heard in the frames just before its own.
    middle = min(max(0, round(place) - 2), frames - 1)
    changes = []
    for span in (round(bar), round(2 * bar)):
        last, first = min(frames, middle + span), max(0, middle - span)
        after, before = total[last] - total[middle], total[middle] - total[first]
        # Before the file begins there is silence.
        changes.append(float(after / (last - middle) - before / max(middle - first, round(bar))))
    change = (changes[0] + changes[1]) / 2
    # In the last two bars less and less is heard: the last chord, or a fade. Nothing starts there
    # any more.
    return change if frames - middle >= (0.9 if change > 0 else 1.9) * bar else 0.0


def _accents(onsets: Curve, beats: Curve, reach: int) -> list[int]:
    """Beats struck far harder than all but one within `reach` beats; none where that happens so
    often that it is the pattern.
    """
    around = np.clip(
        np.rint(beats).astype(np.int64)[:, None] + np.arange(-3, 4), 0, len(onsets) - 1
    )
    struck = onsets[around].max(axis=1)
    found = []
    for number in np.flatnonzero(struck > 2.0 * np.median(struck)).tolist():
        others = np.delete(struck[max(0, number - reach) : number + reach + 1], min(number, reach))
        if len(others) > 1 and struck[number] >= _ACCENT * np.partition(others, -2)[-2]:
            found.append(number)
    return found if 2 * reach * len(found) <= len(beats) else []


def strong_onsets(onsets: Curve, places: Curve) -> list[int]:
    """Which of the onsets of music without a beat stand out: their numbers, ascending."""
    if not len(places):
        return []
    struck = onsets[np.rint(places).astype(np.int64)]
    reach = 2.0 / FRAME_S
    return [
        number
        for number, place in enumerate(places)
        if struck[number] >= 1.5 * np.median(struck)
        and struck[number] >= struck[np.abs(places - place) <= reach].max()
    ]
