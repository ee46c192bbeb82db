"""Whose fault a failure is: the user's input, a provider, somebody who stopped it, or ours.

The user is told the same in each case. Operators are: an input that nobody can make a Reel of is
not a fault to be woken for.
"""

from enum import StrEnum

from montage_pipeline.errors import ErrorCode as Code


class Fault(StrEnum):
    """Who has to do something, in the words of the list of runs."""

    USER = "the user's input"
    PROVIDER = "a provider"
    STOPPED = "stopped by somebody"
    OURS = "a fault of ours"


_OURS_ABOUT_FILES = {
    Code.CLIP_CACHE_FAILED,
    Code.CLIP_CACHE_FULL,
    Code.CLIP_FAILED,
    Code.CLIP_MISSING,
    Code.MUSIC_CACHE_FAILED,
    Code.MUSIC_CACHE_FULL,
    Code.MUSIC_FOREIGN_HOST,
    Code.MUSIC_MODEL_UNSUPPORTED,
    Code.MUSIC_REJECTED,
    Code.MUSIC_TOO_LONG_FOR_MODEL,
    Code.MUSIC_UNREADABLE,
}
"""Named after the user's files, but said of this system, its settings or its disk."""

_PROVIDERS = {
    Code.ANALYSIS_RATE_LIMITED,
    Code.ANALYSIS_UNAVAILABLE,
    Code.ANALYSIS_UNREACHABLE,
    Code.ANALYSIS_UNREADABLE,
    Code.ANALYSIS_UNUSABLE,
    Code.MUSIC_DELIVERED_SHORT,
    Code.MUSIC_DELIVERY_BROKEN,
    Code.MUSIC_DOWNLOAD_FAILED,
    Code.MUSIC_FAILED,
    Code.MUSIC_RATE_LIMITED,
    Code.MUSIC_SUBMIT_UNCERTAIN,
    Code.MUSIC_TIMEOUT,
    Code.MUSIC_UNAVAILABLE,
    Code.MUSIC_UNREACHABLE,
}

_STOPPED = {Code.CANCELED, Code.PARTITION_DELETED, Code.REQUEST_TAKEN}

_ABOUT_FILES = ("CLIP_", "MUSIC_", "CAPTION_", "PROMPT_", "HOOK_CLIP_", "MUST_USE_")

_USERS = {
    Code.ALL_CLIPS_EXCLUDED,
    Code.ANALYSIS_REFUSED,
    Code.AUDIO_UNREADABLE,
    Code.BAD_EFFECT,
    Code.EXCLUDE_UNKNOWN,
    Code.NOT_ENOUGH_FOOTAGE,
    Code.NO_AUDIO,
    Code.NO_SUCH_CLIP,
    Code.NO_SUCH_MUSIC,
    Code.NO_USABLE_CLIPS,
    Code.STORE_CHANGED,
    Code.TOO_MANY_CLIPS,
    Code.UNKNOWN_STYLE,
    Code.WISHED_CLIP_UNUSABLE,
}


def fault_of(code: str) -> Fault:
    """Whose fault a failure with this code is; what is not known is ours."""
    known = next((each for each in Code if each.value == code), None)
    if known is None:
        return Fault.OURS
    if known in _STOPPED:
        return Fault.STOPPED
    if known in _PROVIDERS:
        return Fault.PROVIDER
    if known not in _OURS_ABOUT_FILES and known.name.startswith(_ABOUT_FILES):
        return Fault.USER
    return Fault.USER if known in _USERS else Fault.OURS
