"""What follows from footage that was handed in twice: it is used once.

Belongs here: which clip or moment is left out, and the sentence for the user.
Does not belong here: finding repeats (duplicates).
"""

from collections.abc import Sequence
from dataclasses import replace

from montage_pipeline.analysis.duplicates import Repeat, find_repeats
from montage_pipeline.analysis.model import RejectedClip, RejectReason
from montage_pipeline.analysis.moments import UnscoredMoment
from montage_pipeline.analysis.scan.looking import MeasuredClip
from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.names import clip_name
from montage_pipeline.spans import overlap_s

_WHOLE_CLIP_SHARE = 0.8  # of a clip: what is left is lead-in and end, not worth a clip of its own
_REPEATED_SHARE = 0.5  # of a moment, from which it counts as shown before


def without_repeated_clips(
    clips: list[MeasuredClip],
) -> tuple[list[MeasuredClip], list[list[Repeat]], list[RejectedClip]]:
    """Leave out clips that another one shows as a whole.

    Gives the clips that stay, for each of them what other clips repeat of it better, and the clips
    that go.
    """
    left_out: dict[int, Repeat] = {}
    partial: list[list[Repeat]] = [[] for _ in clips]
    by_share = sorted(
        find_repeats([clip.measures for clip in clips]), key=lambda repeat: -repeat.share
    )
    for repeat in by_share:
        if repeat.better in left_out or repeat.worse in left_out:
            continue
        if repeat.share >= _WHOLE_CLIP_SHARE:
            left_out[repeat.worse] = repeat
        else:
            partial[repeat.worse].append(repeat)

    kept = [index for index in range(len(clips)) if index not in left_out]
    repeats = [
        [repeat for repeat in partial[index] if repeat.better not in left_out] for index in kept
    ]
    rejected = [_rejected(clips, left_out[index]) for index in sorted(left_out)]
    return [clips[index] for index in kept], repeats, rejected


def _rejected(clips: Sequence[MeasuredClip], repeat: Repeat) -> RejectedClip:
    better, worse = clips[repeat.better].clip, clips[repeat.worse].clip
    message = (
        f"{repeat.share:.0%} of it is the same footage as {clip_name(better.url)}, which is better "
        f"(frames correlate at {repeat.correlation:.3f})"
    )
    return RejectedClip(url=worse.url, code=ErrorCode.CLIP_DUPLICATE, message=message)


def reject_repeated_moments(
    moments: Sequence[UnscoredMoment], repeats: Sequence[Repeat]
) -> list[UnscoredMoment]:
    """The moments of a clip; those that another clip shows too are rejected."""
    return [_checked(moment, repeats) for moment in moments]


def _checked(moment: UnscoredMoment, repeats: Sequence[Repeat]) -> UnscoredMoment:
    duration_s = moment.span.duration_s
    for repeat in repeats:
        repeated_s = sum(overlap_s(moment.span, span) for span in repeat.spans)
        if repeated_s < _REPEATED_SHARE * duration_s:
            continue
        message = (
            f"{min(1.0, repeated_s / duration_s):.0%} of it is the same footage as in another clip "
            f"(frames correlate at {repeat.correlation:.3f})"
        )
        reason = RejectReason(code="duplicate", message=message)
        return replace(moment, rejects=(*moment.rejects, reason))
    return moment
