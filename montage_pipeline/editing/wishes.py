"""What the user asked for by clip: the one that opens, and those that must appear; and why a wish
cannot be met.

Belongs here: turning clip URLs into clips of the analysis, with errors a person can act on.
"""

from collections.abc import Sequence

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.footage_line import Stretch
from montage_pipeline.errors import ErrorCode, PermanentError


def clip_of(url: str, analysis: ClipAnalysis, stretches: Sequence[Stretch], code: ErrorCode) -> int:
    """The clip with that URL, or the copy of the same file that its footage counts for.

    PermanentError `code` when it has none.
    """
    number = next(
        (index for index, clip in enumerate(analysis.clips) if clip.facts.url == url), None
    )
    if number is None:
        left_out = next((clip for clip in analysis.rejected_clips if clip.url == url), None)
        if left_out is not None:
            raise unusable(code, url, f"it was left out: {left_out.message}")
        raise unusable(code, url, "it is not among this request's clips")
    sha256 = analysis.clips[number].facts.sha256
    with_footage = {stretch.clip for stretch in stretches}
    if number in with_footage:
        return number
    copies = [
        index
        for index in sorted(with_footage)
        if sha256 and analysis.clips[index].facts.sha256 == sha256
    ]
    if not copies:
        raise unusable(code, url, why_nothing_usable(analysis, number))
    return copies[0]


def why_nothing_usable(analysis: ClipAnalysis, clip: int) -> str:
    """The reasons for which every moment of a clip was turned down."""
    moments = analysis.clips[clip].moments
    reasons = list(
        dict.fromkeys(reject.message.rstrip(".") for moment in moments for reject in moment.rejects)
    )
    if not reasons:
        return "no moment was found in it"
    return f"none of its moments is usable ({'; '.join(reasons[:3])})"


def longest_s(stretches: Sequence[Stretch], clip: int, rate: float) -> float:
    """Seconds of the longest usable run of a clip."""
    return max((stretch.frames for stretch in stretches if stretch.clip == clip), default=0) / rate


def unusable(code: ErrorCode, url: str, why: str) -> PermanentError:
    """The error for a wish about one clip."""
    wish = {
        ErrorCode.HOOK_CLIP_UNUSABLE: "cannot open the Reel",
        ErrorCode.MUST_USE_UNUSABLE: "cannot be shown in the Reel",
    }[code]
    return PermanentError(
        code,
        f"{url} {wish}: {why}. Choose another clip, or leave the wish out.",
        clip_url=url,
        reason=why,
    )
