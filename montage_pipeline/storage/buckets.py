"""Which bucket is for whom: what everybody may read never lies beside what nobody should.

Belongs here: the rule, checked before anything starts. Does not belong here: speaking to a bucket
(`object_store`).
"""

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings


def refuse_open_bucket(settings: Settings) -> None:
    """Raise PermanentError(PUBLIC_BUCKET_SHARED) for settings that would publish private objects.

    A public base URL opens a whole bucket, so it must have one of its own.
    """
    base_url, public = settings.r2_public_base_url, settings.r2_public_bucket
    if base_url and public in {"", settings.r2_bucket}:
        raise PermanentError(
            ErrorCode.PUBLIC_BUCKET_SHARED,
            f"R2_PUBLIC_BASE_URL would let everybody read bucket {settings.r2_bucket}, which also "
            "holds users' uploads, work files and tables of who spent what: make a second bucket "
            "for finished Reels, attach the domain to that one, and name it in R2_PUBLIC_BUCKET",
        )
    if public and not base_url:
        raise PermanentError(
            ErrorCode.PUBLIC_BUCKET_SHARED,
            f"R2_PUBLIC_BUCKET names {public}, but not where it can be read: set "
            "R2_PUBLIC_BASE_URL to its domain, or unset R2_PUBLIC_BUCKET to have links signed",
        )
