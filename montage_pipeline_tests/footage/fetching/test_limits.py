"""What a failure is called when the file is music."""

import pytest

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.limits import codes_for_music


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermanentError(ErrorCode.CLIP_NOT_FOUND, "gone"), ErrorCode.MUSIC_NOT_FOUND),
        (PermanentError(ErrorCode.CLIP_NOT_VIDEO, "an image"), ErrorCode.MUSIC_NOT_AUDIO),
        (MontageError(ErrorCode.CLIP_FETCH_FAILED, "late"), ErrorCode.MUSIC_FETCH_FAILED),
        (MontageError(ErrorCode.CLIP_CACHE_FULL, "full"), ErrorCode.MUSIC_CACHE_FULL),
        (PermanentError(ErrorCode.MUSIC_NOT_AUDIO, "text"), ErrorCode.MUSIC_NOT_AUDIO),
    ],
)
def test_music_has_codes_of_its_own(error: MontageError, code: ErrorCode) -> None:
    with pytest.raises(MontageError) as caught, codes_for_music():
        raise error
    assert (caught.value.code, caught.value.message) == (code, error.message)
    assert isinstance(caught.value, PermanentError) == isinstance(error, PermanentError)
