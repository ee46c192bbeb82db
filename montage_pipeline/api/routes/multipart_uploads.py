"""Uploads in parts: large files, sent side by side, that go on after a broken line or a reload.

No bytes pass through the API, and it remembers nothing: what is there, the object store knows.
"""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import (
    ApiError,
    FieldProblem,
    documented_errors,
    validation_error,
)
from montage_pipeline.api.routes.uploads import UPLOAD_EXPIRES_S, refuse_too_large
from montage_pipeline.api.schemas.requests import UploadBody
from montage_pipeline.api.schemas.uploads import (
    MultipartUploadOut,
    MultipartUploadsOut,
    PartOut,
    PartsBody,
    PartUrlOut,
    PartUrlsOut,
)
from montage_pipeline.api.services import ApiServices, ServicesNeeded
from montage_pipeline.api.upload_names import safe_file_name
from montage_pipeline.errors import ErrorCode
from montage_pipeline.storage.keys import UPLOAD_KEPT, upload_key, uploads_of
from montage_pipeline.storage.multipart import Begun, Part
from montage_pipeline.storage.part_sizes import PART_BYTES, new_upload_id, parts_of, size_of
from montage_pipeline.storage.signing import PutHeaders

router = APIRouter(prefix="/api/uploads/multipart", tags=["uploads"])

UploadId = Annotated[UUID, Path(alias="uploadId", description="Id of an upload in parts.")]


@router.post(
    "",
    operation_id="beginMultipartUpload",
    summary="Begin to upload a clip or music in parts",
    responses=documented_errors(400, 413, 422),
)
def begin_multipart_upload(
    body: UploadBody, user: CurrentUser, services: ServicesNeeded
) -> MultipartUploadOut:
    """For large files. Ask for the URLs of parts, PUT them, then complete the upload."""
    refuse_too_large(body, services.settings)
    upload_id, name = new_upload_id(body.bytes), safe_file_name(body.file_name)
    headers = PutHeaders.for_file(body.content_type, name)
    begun = services.store.multipart.begin(upload_key(user.id, upload_id, name), headers)
    return _shown(services, upload_id, begun, [])


@router.get(
    "",
    operation_id="listMultipartUploads",
    summary="List uploads in parts that are not complete",
    responses=documented_errors(),
)
def list_multipart_uploads(user: CurrentUser, services: ServicesNeeded) -> MultipartUploadsOut:
    """Newest first, without the parts that are there: ask for one of them for that."""
    uploads = sorted(
        services.store.multipart.begun(uploads_of(user.id)),
        key=lambda begun: begun.begun_at,
        reverse=True,
    )
    shown = [_shown(services, _id_of(user.id, begun), begun, []) for begun in uploads]
    return MultipartUploadsOut(uploads=shown)


@router.get(
    "/{uploadId}",
    operation_id="getMultipartUpload",
    summary="See which parts are there",
    responses=documented_errors(404, 422),
)
def get_multipart_upload(
    upload_id: UploadId, user: CurrentUser, services: ServicesNeeded
) -> MultipartUploadOut:
    """After a broken line, or a reload: send what is not `received`."""
    begun = _begun(services, user.id, upload_id)
    return _shown(services, upload_id, begun, services.store.multipart.parts(begun))


@router.post(
    "/{uploadId}/parts",
    operation_id="signUploadParts",
    summary="Get URLs to PUT parts to",
    responses=documented_errors(400, 404, 413, 422),
)
def sign_upload_parts(
    upload_id: UploadId, body: PartsBody, user: CurrentUser, services: ServicesNeeded
) -> PartUrlsOut:
    """Each takes just the bytes of its part. A part that is sent twice counts once."""
    begun = _begun(services, user.id, upload_id)
    # Only now: the id of an upload that is not there may say anything.
    sizes = dict(parts_of(size_of(upload_id)))
    if unknown := [number for number in body.numbers if number not in sizes]:
        message = f"names part {unknown[0]}; the file has parts 1 to {len(sizes)}"
        raise validation_error([FieldProblem(field="numbers", message=message)])
    expires_at = _in_seconds(UPLOAD_EXPIRES_S)
    return PartUrlsOut(
        parts=[
            PartUrlOut(
                number=number,
                bytes=sizes[number],
                upload_url=services.store.multipart.presign_part(
                    begun, number, size=sizes[number], expires_s=UPLOAD_EXPIRES_S
                ),
                expires_at=expires_at,
            )
            for number in body.numbers
        ]
    )


@router.post(
    "/{uploadId}/complete",
    operation_id="completeMultipartUpload",
    summary="Complete an upload in parts",
    responses=documented_errors(
        404, 409, 422, s409="`upload_incomplete`: `details.missing` has the parts to send."
    ),
)
def complete_multipart_upload(
    upload_id: UploadId, user: CurrentUser, services: ServicesNeeded
) -> MultipartUploadOut:
    """Once every part is there; then `clipUrl` can be used."""
    begun = _begun(services, user.id, upload_id)
    parts = _whole(upload_id, services.store.multipart.parts(begun))
    sizes = dict(parts_of(size_of(upload_id)))
    if missing := sorted(set(sizes) - {part.number for part in parts}):
        raise ApiError(
            ErrorCode.UPLOAD_INCOMPLETE,
            f"{len(missing)} of {len(sizes)} parts are not there.",
            details={"missing": missing[:100]},
        )
    services.store.multipart.complete(begun, parts)
    return _shown(services, upload_id, begun, parts)


@router.delete(
    "/{uploadId}",
    operation_id="abortMultipartUpload",
    summary="Drop an upload in parts",
    status_code=HTTPStatus.NO_CONTENT,
    response_description="What was sent is gone.",
    responses=documented_errors(404, 422),
)
def abort_multipart_upload(
    upload_id: UploadId, user: CurrentUser, services: ServicesNeeded
) -> None:
    """One that is complete is no upload any more, and stays."""
    services.store.multipart.abort(_begun(services, user.id, upload_id))


def _begun(services: ApiServices, user_id: UUID, upload_id: UUID) -> Begun:
    """The upload, if it is this user's and not complete: they are looked for below the user's own
    prefix.
    """
    prefix = upload_key(user_id, upload_id, "")
    begun = next(iter(services.store.multipart.begun(prefix)), None)
    if begun is None:
        raise ApiError(
            ErrorCode.NOT_FOUND, "There is no such upload: it is complete, dropped, or expired."
        )
    return begun


def _id_of(user_id: UUID, begun: Begun) -> UUID:
    return UUID(begun.key.removeprefix(uploads_of(user_id)).partition("/")[0])


def _whole(upload_id: UUID, parts: list[Part]) -> list[Part]:
    """Those that have the size they must have."""
    sizes = dict(parts_of(size_of(upload_id)))
    return [part for part in parts if sizes.get(part.number) == part.bytes]


def _shown(
    services: ApiServices, upload_id: UUID, begun: Begun, parts: list[Part]
) -> MultipartUploadOut:
    size = size_of(upload_id)
    return MultipartUploadOut(
        id=upload_id,
        clip_url=f"s3://{services.store.bucket}/{quote(begun.key)}",
        bytes=size,
        part_bytes=PART_BYTES,
        parts=sum(1 for _part in parts_of(size)),
        received=[
            PartOut(number=part.number, bytes=part.bytes) for part in _whole(upload_id, parts)
        ],
        expires_at=begun.begun_at.astimezone(UTC).replace(microsecond=0) + UPLOAD_KEPT,
    )


def _in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
