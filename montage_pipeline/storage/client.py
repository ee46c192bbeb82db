"""The S3 client, set up for Cloudflare R2 and anything else that speaks S3."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boto3.s3.transfer import TransferConfig
    from mypy_boto3_s3 import S3Client

PART_BYTES = 8 * 1024 * 1024
"""Size of every part but the last, and the size from which a file goes up in parts.

R2 refuses unequal parts.
"""

_PARTS_AT_ONCE = 4
"""Fills a line of some hundred Mbit/s and holds 32 MB at most."""

_CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class StoreAccess:
    """Where a store is, and who asks."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str


def connect(access: StoreAccess, *, attempts: int, read_timeout_s: float) -> S3Client:
    """A client that tries each call `attempts` times; it does not survive a fork."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    # AWS_PROFILE and ~/.aws belong to other programs: a profile that is not there must not stop us,
    # nor one that is there change us.
    session = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
        }
    )
    session.set_config_variable("credentials_file", os.devnull)

    config = Config(
        # Without s3v4 some regions presign with the old signature, which R2 does not know.
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # R2 refuses the aws-chunked checksum trailers that boto3 sends unless told "when_required".
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "max_attempts": attempts},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
    )
    return boto3.Session(botocore_session=session).client(
        "s3",
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
        config=config,
    )


def transfer_config() -> TransferConfig:
    """How files go up and down: in equal parts from `PART_BYTES` on."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(
        multipart_threshold=PART_BYTES,
        multipart_chunksize=PART_BYTES,
        max_concurrency=_PARTS_AT_ONCE,
    )
