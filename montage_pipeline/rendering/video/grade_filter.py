"""A segment's grade as filters of FFmpeg.

On planar YUV they cost a few percent of encoding a frame; a 3D table would cost several times as
much as encoding it. What a grade does is defined in editing.grading.colours, for arrays; a test
holds both to each other.
"""

from montage_pipeline.editing.timeline import Grade, Segment

_LUMA_SPAN, _CHROMA_SPAN, _BLACK = 219, 224, 16
"""Levels of limited-range 8-bit video: of Y', of Cb and Cr, and where Y' begins."""

_NEUTRAL = 128 / 255 - 0.5
"""Level of no colour beside the middle that colorcorrect turns chroma about."""

_HALF_LEVEL = 0.5 / 255
"""colorcorrect cuts off fractions of levels: with this they are rounded."""


def grade_filters(segment: Segment) -> list[str]:
    """Filters on yuv420p of the output; none for a segment that is shown as it was shot."""
    grade = segment.grade
    if grade is None or grade == Grade():
        return []
    return [_chroma_filter(grade), _luma_filter(grade)]


def _chroma_filter(grade: Grade) -> str:
    # Of a pixel with luma y: u' = saturation * (u + bl + (bh - bl) * y), all about 0.5 and as
    # shares of 255.
    still = (_NEUTRAL * (1 - grade.saturation) + _HALF_LEVEL) / grade.saturation
    places = []
    for name, tint in (("r", grade.red), ("b", grade.blue)):
        slope = tint * _CHROMA_SPAN / _LUMA_SPAN
        low = still - slope * _BLACK / 255
        places += [f"{name}l={low:.7f}", f"{name}h={low + slope:.7f}"]
    return f"colorcorrect={':'.join(places)}:saturation={grade.saturation:.5f}"


def _luma_filter(grade: Grade) -> str:
    luma = f"pow(clip((val-{_BLACK})/{_LUMA_SPAN},0,1),{grade.gamma:.5f})"
    curve = f"st(0,{luma})-{grade.contrast:.5f}/(2*PI)*sin(2*PI*ld(0))"
    return f"lutyuv=y='{_BLACK}+{_LUMA_SPAN}*({curve})+0.5'"
