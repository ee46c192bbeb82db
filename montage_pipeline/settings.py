"""Every environment variable the product reads: its name, default, unit and meaning.

Nothing else in the package reads the environment. README's table and `.env.example` are made from
this class and its base: `montage settings --markdown`, `montage settings --env`.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from montage_pipeline.queue_settings import QueueSettings
from montage_pipeline.rules import MAX_CLIPS
from montage_pipeline.state_settings import StateSettings

RenderQuality = Literal["draft", "standard", "best"]
HardwareEncoder = Literal["nvenc", "videotoolbox", "qsv", "vaapi"]


class Settings(QueueSettings, StateSettings):
    """Configuration of one process. Empty variables count as unset."""

    # Clip analysis
    analyst: Literal["auto", "claude", "local"] = Field(
        "auto",
        description="Who analyses clips: claude, local, or auto (claude if ANTHROPIC_API_KEY is "
        "set).",
    )
    anthropic_api_key: SecretStr = Field(
        SecretStr(""), validation_alias="ANTHROPIC_API_KEY", description="API key for Claude."
    )
    anthropic_base_url: str = Field(
        "",
        validation_alias="ANTHROPIC_BASE_URL",
        description="Alternative endpoint for the Anthropic API (a gateway, a test server).",
    )
    claude_model: str = Field(
        "claude-sonnet-5-5",
        validation_alias="CLAUDE_MODEL",
        description="Claude model that judges moments.",
    )
    claude_timeout_s: float = Field(
        90.0,
        gt=0,
        validation_alias="CLAUDE_TIMEOUT_S",
        description="Timeout of one call to Claude, in seconds.",
    )
    claude_max_cost_usd: Decimal = Field(
        Decimal("0.04"),
        gt=0,
        validation_alias="CLAUDE_MAX_COST_USD",
        description="Maximum cost of one request to Claude, in USD. If a request is predicted to "
        "cost more, it shows fewer frames, then fewer moments; if that is not enough, "
        "it is not sent. Ten clips for 30 s cost about 0.03 with Sonnet 5.5.",
    )

    # Music
    composer: Literal["auto", "fal", "local"] = Field(
        "auto", description="Who composes: fal, local, or auto (fal if FAL_KEY is set)."
    )
    fal_key: SecretStr = Field(
        SecretStr(""), validation_alias="FAL_KEY", description="API key for fal.ai."
    )
    fal_queue_url: str = Field(
        "https://queue.fal.run",
        validation_alias="FAL_QUEUE_URL",
        description="Base URL of fal's queue (a gateway, a test server).",
    )
    fal_music_model: str = Field(
        "cassetteai/music-generator",
        validation_alias="FAL_MUSIC_MODEL",
        description="fal model that composes.",
    )
    fal_timeout_s: float = Field(
        180.0,
        gt=0,
        validation_alias="FAL_TIMEOUT_S",
        description="Timeout of one fal job, in seconds; the next attempt resumes the job.",
    )

    # Spending
    paid_calls: bool = Field(
        True,
        description="Allow paid calls (Claude, fal). To stop them at once, without a restart: "
        "`montage paid off`.",
    )
    max_paid_calls: int = Field(
        4,
        ge=1,
        description="Maximum paid calls to one service for one request, retries included.",
    )
    budget_request_usd: Decimal | None = Field(
        Decimal(1),
        ge=0,
        description="Maximum spent on one request, in USD; 0 buys nothing. Like every budget, "
        "checked before a call, with what it is predicted to cost.",
    )
    budget_user_day_usd: Decimal | None = Field(
        None, ge=0, description="Maximum spent for one user in one day (UTC), in USD."
    )
    budget_user_month_usd: Decimal | None = Field(
        None, ge=0, description="Maximum spent for one user in one month (UTC), in USD."
    )
    budget_day_usd: Decimal | None = Field(
        None, ge=0, description="Maximum spent by the whole installation in one day (UTC), in USD."
    )
    budget_month_usd: Decimal | None = Field(
        None,
        ge=0,
        description="Maximum spent by the whole installation in one month (UTC), in USD.",
    )
    budget_webhook_url: str = Field(
        "",
        description="URL that is told by POST when a budget is used up to 80 % and when it "
        "refuses a call.",
    )
    budget_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that signs the webhook's body (X-Montage-Signature, HMAC-SHA256).",
    )

    # Footage
    max_clips: int = Field(60, ge=1, le=MAX_CLIPS, description="Maximum clips per request.")
    max_clip_bytes: int = Field(
        4_000_000_000, ge=1, description="Maximum size of a clip, in bytes."
    )
    max_music_bytes: int = Field(
        200_000_000, ge=1, description="Maximum size of a user's own music, in bytes."
    )
    fetch_timeout_s: float = Field(
        300.0, gt=0, description="Timeout for fetching one clip, in seconds."
    )
    fetch_max_redirects: int = Field(3, ge=0, description="Maximum redirects followed per clip.")
    fetch_private_hosts: bool = Field(
        False,
        description="Allow http:// clips and hosts that resolve to private or loopback addresses. "
        "Leave off in production.",
    )
    local_files: bool = Field(
        False,
        description="Allow file:// clips. `montage make` and `montage demo` turn it on; "
        "the API never accepts them.",
    )
    cache_max_bytes: int = Field(
        20_000_000_000,
        ge=0,
        description="Maximum size of the local clip cache, in bytes; evicts the least recently "
        "used clips.",
    )

    # Rendering
    render_engine: Literal["ffmpeg", "moviepy"] = Field(
        "ffmpeg", description="Engine that renders the timeline."
    )
    render_quality: RenderQuality = Field(
        "standard",
        description="Video quality: draft, standard or best (at least VMAF 90, 95 or 97 against "
        "the uncompressed Reel).",
    )
    render_encoder: Literal["auto", "software"] | HardwareEncoder = Field(
        "auto",
        description="H.264 encoder: software (libx264), a forced hardware encoder (nvenc, "
        "videotoolbox, qsv, vaapi), or auto (hardware if a probe encode works, else libx264).",
    )
    render_jobs: int = Field(
        0,
        ge=0,
        description="Segments rendered in parallel; 0: one per core, as far as memory allows.",
    )
    render_memory_mb: int = Field(
        600,
        ge=100,
        description="Memory for the FFmpeg processes of one render, in MB; limits how many run in "
        "parallel.",
    )
    chunks_max_bytes: int = Field(
        20_000_000_000,
        ge=0,
        description="Maximum size of the chunks (rendered segments) kept in the object store for "
        "later renders, in bytes; 0: keep none.",
    )
    chunks_max_days: int = Field(
        14, ge=1, description="Days after which an unused chunk is removed."
    )

    measures_max_days: int = Field(
        14,
        ge=0,
        description="Days for which what was measured in a user's clips is kept in the object "
        "store, so that the same clips are not measured again; 0: keep none.",
    )

    # Retries of one step
    retry_max: int = Field(3, ge=0, description="Maximum retries of a failed step.")
    retry_delay_s: float = Field(
        4.0,
        ge=0,
        description="Base d of the exponential backoff between retries: d, 3d, 7d seconds.",
    )
    retry_after_max_s: float = Field(
        240.0, ge=0, description="Maximum pause that a provider can ask for, in seconds."
    )

    # Limits of one user
    max_requests_under_way: int = Field(
        100,
        ge=0,
        description="Maximum requests of one user that run or wait at once; 0: no limit. "
        "The API refuses more with 429; `montage make` is not limited.",
    )
    api_user_requests_per_minute: int = Field(
        600, ge=0, description="Maximum API calls of one user per minute; 0: no limit."
    )
    api_address_requests_per_minute: int = Field(
        1200, ge=0, description="Maximum API calls from one address per minute; 0: no limit."
    )
    api_user_event_streams: int = Field(
        20, ge=0, description="Maximum event streams of one user per API process; 0: no limit."
    )

    # API
    jwt_secret: SecretStr = Field(
        SecretStr(""), description="HS256 secret for the API's bearer tokens, at least 32 bytes."
    )
    jwt_jwks_url: str = Field(
        "", description="JWKS URL for RS256/ES256 tokens, instead of MONTAGE_JWT_SECRET."
    )
    jwt_audience: str = Field("", description="Expected `aud` of tokens. Unset: not checked.")
    jwt_issuer: str = Field("", description="Expected `iss` of tokens. Unset: not checked.")
    api_host: str = Field(
        "127.0.0.1", description="Address that the API of `montage up` listens on."
    )
    api_port: int = Field(
        8000, ge=0, le=65535, description="Port of the API of `montage up`; 0: any free port."
    )
    api_cors_origins: str = Field(
        "",
        description="Web origins that may call the API from a browser, comma-separated, e.g. "
        "https://app.example.com. Unset: none.",
    )
    studio_embed_origins: str = Field(
        "",
        description="Web origins whose pages may show the studio in a frame, comma-separated, e.g. "
        "https://app.example.com. Unset: none.",
    )
    ui_port: int = Field(
        3000,
        ge=0,
        le=65535,
        description="Port of the Dagster UI of `montage up`; 0: any free port.",
    )
    ui_allowed_hosts: str = Field(
        "",
        description="Host names under which the Dagster UI is reached besides localhost, "
        "comma-separated, e.g. dagster.example.com. Under others it answers nothing.",
    )

    # Logs
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json, console, or auto (console on a terminal, else json)."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Minimum level that is logged."
    )

    # Metrics and traces
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token for `/metrics` of the API and of `montage metrics`. Unset: the "
        "API has no /metrics, and `montage metrics` listens on this machine only.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address `montage metrics` listens on.")
    metrics_port: int = Field(
        9464, ge=0, le=65_535, description="Port `montage metrics` listens on."
    )
    otlp_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="OpenTelemetry collector that gets traces (OTLP over HTTP), e.g. "
        "http://localhost:4318; needs the extra `otel`. Unset: no traces.",
    )

    @model_validator(mode="after")
    def _endpoint_from_account(self) -> "Settings":
        if self.r2_account_id and not self.r2_endpoint_url:
            self.r2_endpoint_url = f"https://{self.r2_account_id}.r2.cloudflarestorage.com"
        return self

    @property
    def analyst_used(self) -> Literal["claude", "local"]:
        """The analyst after `auto` is resolved by the presence of a key."""
        if self.analyst != "auto":
            return self.analyst
        return "claude" if self.anthropic_api_key.get_secret_value() else "local"

    @property
    def composer_used(self) -> Literal["fal", "local"]:
        """The composer after `auto` is resolved by the presence of a key."""
        if self.composer != "auto":
            return self.composer
        return "fal" if self.fal_key.get_secret_value() else "local"

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL with the psycopg 3 driver named, whatever scheme it was written with."""
        for scheme in (
            "postgresql+psycopg2://",
            "postgresql+psycopg://",
            "postgresql://",
            "postgres://",
        ):
            if self.database_url.startswith(scheme):
                return "postgresql+psycopg://" + self.database_url[len(scheme) :]
        return self.database_url


def variable_of(field: str) -> str:
    """The environment variable that a field is read from; a variable's name stays as it is."""
    info = Settings.model_fields.get(field)
    if info is None:
        return field
    alias, prefix = info.validation_alias, Settings.model_config["env_prefix"]
    return alias if isinstance(alias, str) else f"{prefix}{field}".upper()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
