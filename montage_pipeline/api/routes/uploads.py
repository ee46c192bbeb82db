"""Uploads: the client PUTs its clips and its music straight into the object store; no bytes pass
through the API.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from uuid import uuid4

from fastapi import APIRouter

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import FieldProblem, documented_errors, validation_error
from montage_pipeline.api.schemas.answers import UploadOut
from montage_pipeline.api.schemas.requests import UploadBody
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.storage.keys import upload_key

router = APIRouter(prefix="/api/uploads", tags=["uploads"])

UPLOAD_EXPIRES_S = 3600
"""Enough for retries on a slow line: the signature is checked when a PUT begins."""

_MAX_NAME_CHARS = 100
_MAX_SUFFIX_CHARS = 16
"""What is kept of a file name: keys stay far below the limit of 1024 bytes."""


@router.post(
    "",
    operation_id="createUpload",
    summary="Get a place to upload a clip or music to",
    response_description="PUT the bytes to `uploadUrl`.",
    responses=documented_errors(400, 413, 422),
)
def create_upload(body: UploadBody, user: CurrentUser, services: ServicesNeeded) -> UploadOut:
    """Sign one PUT of one file of this size and type."""
    settings = services.settings
    limit = (
        settings.max_music_bytes
        if body.content_type.startswith("audio/")
        else settings.max_clip_bytes
    )
    if body.bytes > limit:
        raise validation_error([FieldProblem(field="bytes", message=f"must be at most {limit}")])
    key = upload_key(user.id, uuid4(), safe_file_name(body.file_name))
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=UPLOAD_EXPIRES_S)
    upload_url = services.store.presign_put(
        key, content_type=body.content_type, expires_s=UPLOAD_EXPIRES_S, content_length=body.bytes
    )
    return UploadOut(
        upload_url=upload_url,
        clip_url=f"s3://{services.store.bucket}/{key}",
        method="PUT",
        headers={"Content-Type": body.content_type},
        expires_at=expires_at,
    )


def safe_file_name(file_name: str) -> str:
    """The name as ASCII letters, digits, dots, dashes and underscores, without folders; `clip` when
    nothing is left.
    """
    path = PurePosixPath(PurePosixPath(file_name.replace("\\", "/")).name)
    suffix = _ascii(path.suffix)[:_MAX_SUFFIX_CHARS]
    return (_ascii(path.stem)[: _MAX_NAME_CHARS - len(suffix)].strip("._-") or "clip") + suffix


def _ascii(text: str) -> str:
    return re.sub(
        r"[^A-Za-z0-9._-]+",
        "-",
        unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode(),
    )
