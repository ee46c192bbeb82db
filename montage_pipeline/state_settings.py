"""Where state lies: the home folder, Postgres, the object store. The first part of `Settings`."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """`./.montage` where it exists, else one place per user: the same history from every folder."""
    here = Path(".montage")
    return here if here.is_dir() else user_data_path("montage-pipeline", appauthor=False)


class StateSettings(BaseSettings):
    """What every process needs to find rows and objects."""

    model_config = SettingsConfigDict(
        env_prefix="MONTAGE_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    home: Path = Field(
        default_factory=default_home,
        description="Folder for local state: embedded Postgres, embedded object store, clip "
        "cache, finished Reels, logs. Unset: ./.montage if there is one, else montage-pipeline in "
        "the platform's folder for a user's data (Linux: ~/.local/share).",
    )

    # Postgres
    database_url: str = Field(
        "",
        validation_alias="DATABASE_URL",
        description="Postgres of the product, e.g. postgresql://user:pass@host/montage. "
        "Unset: `montage` starts an embedded one.",
    )

    dagster_postgres_url: str = Field(
        "",
        validation_alias="DAGSTER_POSTGRES_URL",
        description="Postgres of Dagster's storage, e.g. "
        "postgresql+psycopg2://user:pass@host/dagster. "
        "Unset: `montage up` uses the database `dagster` on the server of DATABASE_URL.",
    )

    # Object store (Cloudflare R2 or anything that speaks S3)
    r2_account_id: str = Field(
        "",
        validation_alias="R2_ACCOUNT_ID",
        description="Cloudflare account id; sets the endpoint unless R2_ENDPOINT_URL is set.",
    )
    r2_endpoint_url: str = Field(
        "",
        validation_alias="R2_ENDPOINT_URL",
        description="S3 endpoint. Unset, without an account id: `montage` starts an embedded "
        "store.",
    )
    r2_access_key_id: str = Field(
        "", validation_alias="R2_ACCESS_KEY_ID", description="S3 access key id."
    )
    r2_secret_access_key: SecretStr = Field(
        SecretStr(""), validation_alias="R2_SECRET_ACCESS_KEY", description="S3 secret access key."
    )
    r2_bucket: str = Field(
        "montage",
        validation_alias="R2_BUCKET",
        description="Private bucket: uploads, work files, tables; and Reels, unless "
        "R2_PUBLIC_BUCKET is set.",
    )
    r2_region: str = Field(
        "auto", validation_alias="R2_REGION", description="S3 region; for R2 it is auto."
    )
    r2_public_base_url: str = Field(
        "",
        validation_alias="R2_PUBLIC_BASE_URL",
        description="Public base URL of R2_PUBLIC_BUCKET (a custom domain). Unset: media URLs are "
        "presigned.",
    )
    r2_public_bucket: str = Field(
        "",
        validation_alias="R2_PUBLIC_BUCKET",
        description="Bucket for finished Reels alone, which R2_PUBLIC_BASE_URL opens to everybody. "
        "Must not be R2_BUCKET.",
    )
    r2_presign_seconds: int = Field(
        604_800,
        ge=1,
        le=604_800,
        validation_alias="R2_PRESIGN_SECONDS",
        description="Lifetime of presigned URLs, in seconds; R2 allows up to 7 days.",
    )
