"""The moments where something big starts: a drop, a new section, a lone accent."""

from collections.abc import Sequence

import numpy as np

from montage_pipeline.music.beats.onsets import FRAME_S, Curve, Onsets

_SECTION_CHANGE = 0.45
"""Change of energy that makes a section.

Bars of one section differ by 0.1 to 0.3, a verse after a hook by 0.6, a drop by 0.7 or more.
"""

_DENSITY_WEIGHT = 2.0
"""The density of onsets counts twice beside the loudness: a drop need not be louder, but is fuller.
"""

_ACCENT = 2.2
"""An accent has this many times the onset of the beats around it, but one."""

_MIN_ACCENT = 2.0
"""What is not twice the median is no accent, however quiet its neighbours."""

_STRONG_ONSET = 1.5
"""In music without a beat, an onset of this many times the median stands out."""

_STRONG_ONSETS_APART_S = 2.0
"""It does so only where nothing stronger is this near."""


def strong_places(
    curves: Onsets, beats: Curve, bar_starts: Sequence[int], beats_a_bar: int
) -> list[int]:
    """Which of `beats` (frames, fractional, ascending) are strong: their numbers, ascending.

    Sections start at one of `bar_starts` (numbers of beats); accents may be anywhere.
    """
    if len(beats) < 2:
        return list(range(len(beats)))
    bar = float(np.median(np.diff(beats))) * beats_a_bar
    energy_before = np.concatenate([[0.0], np.cumsum(_energy(curves))])
    changes = np.array([_change(energy_before, float(beats[number]), bar) for number in bar_starts])
    sections = [
        number for place, number in enumerate(bar_starts) if _starts_section(changes, place)
    ]
    return sorted({*sections, *_accents(curves.all, beats, 2 * beats_a_bar)})


def _energy(curves: Onsets) -> Curve:
    """What a listener would call energy: loudness and density of onsets over four bands."""
    density = np.stack([curves.bass, curves.body, curves.snap, curves.air], axis=1)
    energy = curves.loudness.mean(axis=1) + _DENSITY_WEIGHT * density.mean(axis=1)
    return np.asarray(energy / 2)


def _starts_section(changes: Curve, place: int) -> bool:
    """Whether the change at a bar is large, and the largest among its neighbours."""
    # Rises compete with rises only: a pause of one bar has its end right after its start.
    towards = changes * np.sign(changes[place])
    around = towards[max(0, place - 1) : place + 2]
    return bool(towards[place] >= _SECTION_CHANGE and towards[place] >= around.max())


def _change(energy_before: Curve, place: float, bar: float) -> float:
    """How much more energy the bars after a place have than those before it.

    Over one bar and over two, averaged. `energy_before` is the energy of all frames before each
    frame; `place` and `bar` are in frames.
    """
    frames = len(energy_before) - 1
    # A sound is heard in the frames just before its own.
    middle = min(max(0, round(place) - 2), frames - 1)
    changes = []
    for reach in (round(bar), round(2 * bar)):
        last, first = min(frames, middle + reach), max(0, middle - reach)
        after = energy_before[last] - energy_before[middle]
        before = energy_before[middle] - energy_before[first]
        # Before the file begins there is silence.
        changes.append(float(after / (last - middle) - before / max(middle - first, round(bar))))
    change = (changes[0] + changes[1]) / 2

    # In the last two bars less and less is heard: the last chord, or a fade. Nothing starts there.
    bars_needed = 0.9 if change > 0 else 1.9
    return change if frames - middle >= bars_needed * bar else 0.0


def _accents(onsets: Curve, beats: Curve, reach: int) -> list[int]:
    """Beats struck far harder than all but one within `reach` beats.

    None where that happens so often that it is the pattern.
    """
    around = np.clip(
        np.rint(beats).astype(np.int64)[:, None] + np.arange(-3, 4), 0, len(onsets) - 1
    )
    struck = onsets[around].max(axis=1)
    found = []
    for number in np.flatnonzero(struck > _MIN_ACCENT * np.median(struck)).tolist():
        others = np.delete(struck[max(0, number - reach) : number + reach + 1], min(number, reach))
        if len(others) > 1 and struck[number] >= _ACCENT * np.partition(others, -2)[-2]:
            found.append(number)
    return found if 2 * reach * len(found) <= len(beats) else []


def strong_onsets(onsets: Curve, places: Curve) -> list[int]:
    """Which of the onsets of music without a beat stand out: their numbers, ascending."""
    if not len(places):
        return []
    struck = onsets[np.rint(places).astype(np.int64)]
    reach = _STRONG_ONSETS_APART_S / FRAME_S
    typical = np.median(struck)
    return [
        number
        for number, place in enumerate(places)
        if struck[number] >= _STRONG_ONSET * typical
        and struck[number] >= struck[np.abs(places - place) <= reach].max()
    ]
