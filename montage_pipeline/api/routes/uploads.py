"""Uploads: the client PUTs its clips and its music straight into the object store; no bytes pass
through the API.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query, Response

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import FieldProblem, documented_errors, validation_error
from montage_pipeline.api.schemas.answers import UploadOut
from montage_pipeline.api.schemas.base import NumberText
from montage_pipeline.api.schemas.requests import UploadBody
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.api.thumbnails import thumbnail_of_upload
from montage_pipeline.api.upload_names import safe_file_name
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import upload_key
from montage_pipeline.storage.signing import PutHeaders

router = APIRouter(prefix="/api/uploads", tags=["uploads"])

UPLOAD_EXPIRES_S = 3600
"""Enough for retries on a slow line: the signature is checked when a PUT begins."""


@router.post(
    "",
    operation_id="createUpload",
    summary="Get a place to upload a clip or music to",
    response_description="PUT the bytes to `uploadUrl`.",
    responses=documented_errors(400, 413, 422),
)
def create_upload(body: UploadBody, user: CurrentUser, services: ServicesNeeded) -> UploadOut:
    """Sign one PUT of one file of this size and type."""
    refuse_too_large(body, services.settings)
    name = safe_file_name(body.file_name)
    key = upload_key(user.id, uuid4(), name)
    headers = PutHeaders.for_file(body.content_type, name)
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=UPLOAD_EXPIRES_S)
    upload_url = services.store.presign_put(
        key, headers=headers, expires_s=UPLOAD_EXPIRES_S, content_length=body.bytes
    )
    return UploadOut(
        upload_url=upload_url,
        clip_url=f"s3://{services.store.bucket}/{quote(key)}",
        method="PUT",
        headers=headers.as_mapping(),
        expires_at=expires_at,
    )


@router.get(
    "/{uploadId}/thumbnail",
    operation_id="getUploadThumbnail",
    summary="Get a small picture of an uploaded clip",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented_errors(404, 409, 422, s404="You have no finished upload with this id."),
    },
)
def get_upload_thumbnail(
    upload_id: Annotated[
        UUID, Path(alias="uploadId", description="The part of `clipUrl` before the file's name.")
    ],
    user: CurrentUser,
    services: ServicesNeeded,
    at_s: Annotated[
        float | None,
        Query(
            alias="atSec",
            ge=0,
            allow_inf_nan=False,
            description="Seconds of the clip; without it a moment near its beginning.",
        ),
        NumberText,
    ] = None,
) -> Response:
    """For clips that a browser cannot decode itself (HEVC, ProRes), and for what could be shown of
    one (`startSec` of an alternative that has no thumbnail). 320 pixels, upright, HDR as
    SDR. It is made when it is asked for: keep it.
    """
    image = thumbnail_of_upload(services.store, user.id, upload_id, at_s)
    return Response(image, media_type="image/jpeg")


def refuse_too_large(body: UploadBody, settings: Settings) -> None:
    """Raise 422 for a file that is larger than one of its kind may be."""
    is_audio = body.content_type.startswith("audio/")
    limit = settings.max_music_bytes if is_audio else settings.max_clip_bytes
    if body.bytes > limit:
        raise validation_error([FieldProblem(field="bytes", message=f"must be at most {limit}")])
