"""What the user asked for by clip: the one that opens, and those that must appear.

Belongs here: turning clip URLs into clips of the analysis, and saying why a wish cannot be met, in
errors a person can act on. Does not belong here: meeting the wishes (`length`, `chosen_edit`).
"""

from dataclasses import dataclass
from math import floor

from montage_pipeline.analysis.model import AnalysedClip
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rules import HOOK_S, MIN_CUT_S

_REASONS_NAMED = 3
"""Reasons for turning down a clip's moments that an error names."""

_FLOAT_SLACK = 1e-9
"""Keeps 1.7 s + 3 s + 3 s from being counted as a cut less."""


@dataclass(frozen=True)
class Wishes:
    """The clip that opens (None: any), and the clips that must appear, by number."""

    hook: int | None
    must_use: frozenset[int]

    def without_hook(self) -> "Wishes":
        """The same wishes with any opening."""
        return Wishes(None, self.must_use)


def resolved_wishes(context: PlanContext) -> Wishes:
    """The wishes of a request, as clips that have footage for them.

    Raises PermanentError HOOK_CLIP_UNUSABLE or MUST_USE_UNUSABLE (details `clip_url`, `reason`) for
    a clip that has none, or that there is no room for.
    """
    hook = _asked_hook(context)
    urls: dict[int, str] = {}
    for url in context.request.must_use:
        clip = _clip_of(context, url, ErrorCode.MUST_USE_UNUSABLE)
        urls.setdefault(clip, url)
        if clip != hook and not _has_a_cut(context, clip):
            # Too short for a cut, such a clip can only open.
            _check_it_can_open(context, clip, url, hook)
            hook = clip

    cuts = max(1, floor((context.request.duration_s - HOOK_S) / MIN_CUT_S + _FLOAT_SLACK)) + 1
    after_hook = [url for clip, url in urls.items() if clip != hook]
    room = cuts if hook is None else cuts - 1
    if len(after_hook) > room:
        why = (
            f"{len(urls)} clips are to be shown, and {context.request.duration_s:g} s have room "
            f"for {cuts} cuts"
        )
        raise unusable(ErrorCode.MUST_USE_UNUSABLE, after_hook[room], why)
    if hook is None and len(after_hook) == cuts:
        hook = next(iter(urls))
    return Wishes(hook, frozenset(urls))


def unusable(code: ErrorCode, url: str, why: str) -> PermanentError:
    """The error for a wish about one clip."""
    wish = {
        ErrorCode.HOOK_CLIP_UNUSABLE: "cannot open the Reel",
        ErrorCode.MUST_USE_UNUSABLE: "cannot be shown in the Reel",
    }[code]
    return PermanentError(
        code,
        f"{clip_name(url)} {wish}: {why}. Choose another clip, or leave the wish out.",
        clip_url=url,
        reason=why,
    )


def _asked_hook(context: PlanContext) -> int | None:
    url = context.request.hook_clip
    if not url:
        return None
    clip = _clip_of(context, url, ErrorCode.HOOK_CLIP_UNUSABLE)
    longest_s = _longest_s(context, clip)
    if longest_s < HOOK_S:
        why = f"an opening takes {HOOK_S} s, and its longest usable run has {longest_s:.1f} s"
        raise unusable(ErrorCode.HOOK_CLIP_UNUSABLE, url, why)
    return clip


def _check_it_can_open(context: PlanContext, clip: int, url: str, hook: int | None) -> None:
    """Raise unless a clip that is too short for a cut can open instead of `hook`."""
    longest_s = _longest_s(context, clip)
    if longest_s >= HOOK_S and hook is None:
        return
    why = f"a cut takes {MIN_CUT_S} s, and its longest usable run has {longest_s:.1f} s"
    if longest_s >= HOOK_S and hook is not None:
        why += f", and another clip opens the Reel ({clip_name(context.facts(hook).url)})"
    raise unusable(ErrorCode.MUST_USE_UNUSABLE, url, why)


def _clip_of(context: PlanContext, url: str, code: ErrorCode) -> int:
    """The clip with that URL, or the copy of the same file that its footage counts for.

    Raises PermanentError `code` when it has none.
    """
    clips = context.analysis.clips
    number = next((index for index, clip in enumerate(clips) if clip.facts.url == url), None)
    if number is None:
        rejected = context.analysis.rejected_clips
        message = next((clip.message for clip in rejected if clip.url == url), None)
        if message is not None:
            raise unusable(code, url, f"it was left out: {message}")
        raise unusable(code, url, "it is not among this request's clips")

    with_footage = {stretch.clip for stretch in context.stretches}
    if number in with_footage:
        return number
    sha256 = clips[number].facts.sha256
    copies = (
        index for index in sorted(with_footage) if sha256 and clips[index].facts.sha256 == sha256
    )
    copy = next(copies, None)
    if copy is None:
        raise unusable(code, url, _why_nothing_usable(context, clips[number]))
    return copy


def _why_nothing_usable(context: PlanContext, clip: AnalysedClip) -> str:
    """The reasons for which every moment of a clip was turned down, or left out since."""
    left_out = [part for part in context.request.left_out if part.url == clip.facts.url]
    if left_out:
        return left_out[-1].message
    reasons = dict.fromkeys(
        reject.message.rstrip(".") for moment in clip.moments for reject in moment.rejects
    )
    if not reasons:
        return "no moment was found in it"
    return f"none of its moments is usable ({'; '.join([*reasons][:_REASONS_NAMED])})"


def _has_a_cut(context: PlanContext, clip: int) -> bool:
    """Whether a clip has room for a cut."""
    return any(
        stretch.frames >= (stretch.min_frames or context.rules.min_frames)
        for stretch in context.stretches
        if stretch.clip == clip
    )


def _longest_s(context: PlanContext, clip: int) -> float:
    """Seconds of the longest usable run of a clip, at its own speed."""
    runs = (stretch for stretch in context.stretches if stretch.clip == clip)
    return max((context.seconds(run.frames) * run.speed for run in runs), default=0.0)
