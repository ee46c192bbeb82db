"""Every error code of the product: whether trying again can help, what the user can do, and the HTTP
status where the API answers with it.

Belongs here: the registry. Does not belong here: the exceptions that carry a code (errors).
docs/errors.md is made from this table.
"""

from enum import StrEnum

PERMANENT, TRANSIENT = True, False


class ErrorCode(StrEnum):
    """A stable code. `permanent`: trying the same again cannot help, so a request fails at once.

    `remedy` is what the user, or whoever runs the product, can do about it. `status` is the HTTP
    status of the API's answer, None for codes that no route answers with.
    """

    permanent: bool
    remedy: str
    status: int | None

    def __new__(
        cls, value: str, permanent: bool, remedy: str, status: int | None = None
    ) -> "ErrorCode":
        """The member for a row of the table."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.permanent = permanent
        code.remedy = remedy
        code.status = status
        return code

    # Requests and the API
    ALL_CLIPS_EXCLUDED = "all_clips_excluded", PERMANENT, "", 422
    ALREADY_GENERATING = "already_generating", PERMANENT, "", 409
    BAD_REQUEST = "bad_request", PERMANENT, "", 400
    BAD_REQUEST_ID = "bad_request_id", PERMANENT, ""
    CANCELED = "canceled", PERMANENT, ""
    CAPTION_EMPTY = "caption_empty", PERMANENT, ""
    CAPTION_TOO_LONG = "caption_too_long", PERMANENT, ""
    CAPTION_UNSUPPORTED = "caption_unsupported", PERMANENT, "", 422
    DATABASE_UNAVAILABLE = "database_unavailable", TRANSIENT, "", 503
    DOCUMENT_SCHEMA = "document_schema", PERMANENT, "Materialise the asset that wrote it again."
    EXCLUDE_UNKNOWN = "exclude_unknown", PERMANENT, "", 422
    HOOK_CLIP_EXCLUDED = "hook_clip_excluded", PERMANENT, "", 422
    HOOK_CLIP_UNKNOWN = "hook_clip_unknown", PERMANENT, "", 422
    IDEMPOTENCY_CONFLICT = "idempotency_conflict", PERMANENT, "", 409
    INTERNAL_ERROR = "internal_error", TRANSIENT, "", 500
    INVALID_TOKEN = "invalid_token", PERMANENT, "", 401
    JWKS_UNAVAILABLE = "jwks_unavailable", TRANSIENT, "", 503
    METHOD_NOT_ALLOWED = "method_not_allowed", PERMANENT, "", 405
    MISSING_INPUT = "missing_input", PERMANENT, ""
    MUST_USE_EXCLUDED = "must_use_excluded", PERMANENT, "", 422
    MUST_USE_UNKNOWN = "must_use_unknown", PERMANENT, "", 422
    NOT_FOUND = "not_found", PERMANENT, "", 404
    NOT_READY = "not_ready", TRANSIENT, "", 503
    REQUEST_TAKEN = "request_taken", TRANSIENT, ""
    REQUEST_TOO_LARGE = "request_too_large", PERMANENT, "", 413
    RUN_CRASHED = "run_crashed", TRANSIENT, ""
    STEP_FAILED = "step_failed", PERMANENT, ""
    STORE_UNAVAILABLE = "store_unavailable", TRANSIENT, "", 503
    TOKEN_EXPIRED = "token_expired", PERMANENT, "", 401
    UNAUTHENTICATED = "unauthenticated", PERMANENT, "", 401
    UNKNOWN_STYLE = "unknown_style", PERMANENT, "", 422
    VALIDATION_ERROR = "validation_error", PERMANENT, "", 422

    # Clips
    CLIP_BAD_SIZE = "clip_bad_size", PERMANENT, ""
    CLIP_BAD_URL = "clip_bad_url", PERMANENT, ""
    CLIP_CACHE_FAILED = "clip_cache_failed", TRANSIENT, ""
    CLIP_CACHE_FULL = "clip_cache_full", TRANSIENT, ""
    CLIP_CHANGED = "clip_changed", PERMANENT, ""
    CLIP_DUPLICATE = "clip_duplicate", PERMANENT, ""
    CLIP_FETCH_FAILED = "clip_fetch_failed", TRANSIENT, ""
    CLIP_FORBIDDEN_HOST = "clip_forbidden_host", PERMANENT, ""
    CLIP_MISSING = "clip_missing", PERMANENT, ""
    CLIP_NO_VIDEO = "clip_no_video", PERMANENT, ""
    CLIP_NOT_FOUND = "clip_not_found", PERMANENT, ""
    CLIP_NOT_VIDEO = "clip_not_video", PERMANENT, ""
    CLIP_REFUSED = "clip_refused", PERMANENT, ""
    CLIP_STRANGE_COLOUR = "clip_strange_colour", PERMANENT, ""
    CLIP_TOO_LARGE = "clip_too_large", PERMANENT, ""
    CLIP_TOO_SHORT = "clip_too_short", TRANSIENT, ""
    CLIP_UNREADABLE = "clip_unreadable", PERMANENT, ""
    DEMO_FOOTAGE_MISSING = "demo_footage_missing", PERMANENT, ""
    FACE_MODEL_MISSING = "face_model_missing", TRANSIENT, ""
    NO_AUDIO = "no_audio", PERMANENT, ""
    NO_SUCH_CLIP = "no_such_clip", PERMANENT, ""
    NO_USABLE_CLIPS = "no_usable_clips", PERMANENT, ""
    TOO_MANY_CLIPS = "too_many_clips", PERMANENT, ""
    WISHED_CLIP_UNUSABLE = "wished_clip_unusable", PERMANENT, ""

    # Analysis
    ANALYSIS_LIMIT_REACHED = "analysis_limit_reached", PERMANENT, ""
    ANALYSIS_NOT_CONFIGURED = "analysis_not_configured", PERMANENT, ""
    ANALYSIS_RATE_LIMITED = "analysis_rate_limited", TRANSIENT, ""
    ANALYSIS_REFUSED = "analysis_refused", PERMANENT, ""
    ANALYSIS_REJECTED = "analysis_rejected", PERMANENT, ""
    ANALYSIS_TOO_EXPENSIVE = "analysis_too_expensive", PERMANENT, ""
    ANALYSIS_UNAVAILABLE = "analysis_unavailable", TRANSIENT, ""
    ANALYSIS_UNREACHABLE = "analysis_unreachable", TRANSIENT, ""
    ANALYSIS_UNREADABLE = "analysis_unreadable", TRANSIENT, ""
    ANALYSIS_UNUSABLE = "analysis_unusable", TRANSIENT, ""

    # Music
    AUDIO_UNREADABLE = "audio_unreadable", PERMANENT, ""
    FAL_KEY_MISSING = "fal_key_missing", PERMANENT, ""
    FAL_REFUSED_KEY = "fal_refused_key", PERMANENT, ""
    MUSIC_BAD_URL = "music_bad_url", PERMANENT, ""
    MUSIC_CACHE_FAILED = "music_cache_failed", TRANSIENT, ""
    MUSIC_CACHE_FULL = "music_cache_full", TRANSIENT, ""
    MUSIC_CHANGED = "music_changed", PERMANENT, ""
    MUSIC_DELIVERED_SHORT = "music_delivered_short", TRANSIENT, ""
    MUSIC_DELIVERY_BROKEN = "music_delivery_broken", TRANSIENT, ""
    MUSIC_DOWNLOAD_FAILED = "music_download_failed", TRANSIENT, ""
    MUSIC_FAILED = "music_failed", TRANSIENT, ""
    MUSIC_FETCH_FAILED = "music_fetch_failed", TRANSIENT, ""
    MUSIC_FORBIDDEN_HOST = "music_forbidden_host", PERMANENT, ""
    MUSIC_FOREIGN_HOST = "music_foreign_host", PERMANENT, ""
    MUSIC_MISSING = "music_missing", PERMANENT, ""
    MUSIC_MODEL_UNSUPPORTED = "music_model_unsupported", PERMANENT, ""
    MUSIC_NOT_AUDIO = "music_not_audio", PERMANENT, ""
    MUSIC_NOT_FOUND = "music_not_found", PERMANENT, ""
    MUSIC_RATE_LIMITED = "music_rate_limited", TRANSIENT, ""
    MUSIC_REFUSED = "music_refused", PERMANENT, ""
    MUSIC_REJECTED = "music_rejected", PERMANENT, ""
    MUSIC_SUBMIT_UNCERTAIN = "music_submit_uncertain", TRANSIENT, ""
    MUSIC_TIMEOUT = "music_timeout", TRANSIENT, ""
    MUSIC_TOO_LARGE = "music_too_large", PERMANENT, ""
    MUSIC_TOO_LONG = "music_too_long", PERMANENT, ""
    MUSIC_TOO_LONG_FOR_MODEL = "music_too_long_for_model", PERMANENT, ""
    MUSIC_TOO_SHORT = "music_too_short", PERMANENT, ""
    MUSIC_UNAVAILABLE = "music_unavailable", TRANSIENT, ""
    MUSIC_UNREACHABLE = "music_unreachable", TRANSIENT, ""
    MUSIC_UNREADABLE = "music_unreadable", TRANSIENT, ""
    NO_SUCH_MUSIC = "no_such_music", PERMANENT, ""

    # Editing
    BAD_TIMELINE = "bad_timeline", PERMANENT, ""
    EXPORT_IMPOSSIBLE = "export_impossible", PERMANENT, ""
    HOOK_CLIP_UNUSABLE = "hook_clip_unusable", PERMANENT, ""
    MUST_USE_UNUSABLE = "must_use_unusable", PERMANENT, ""
    NO_LABEL_FONT = "no_label_font", PERMANENT, ""
    NOT_ENOUGH_FOOTAGE = "not_enough_footage", PERMANENT, ""
    SEGMENT_OUTSIDE_CLIP = "segment_outside_clip", PERMANENT, ""

    # Rendering
    BAD_EFFECT = "bad_effect", PERMANENT, ""
    BAD_RENDER = "bad_render", TRANSIENT, ""
    ENCODER_UNAVAILABLE = "encoder_unavailable", PERMANENT, ""
    FFMPEG_FAILED = "ffmpeg_failed", TRANSIENT, ""
    FFMPEG_INCOMPLETE = "ffmpeg_incomplete", TRANSIENT, ""
    FFMPEG_MISSING = "ffmpeg_missing", TRANSIENT, ""
    FFMPEG_TIMEOUT = "ffmpeg_timeout", TRANSIENT, ""
    LOUDNESS_FAILED = "loudness_failed", TRANSIENT, ""
    POSTER_FAILED = "poster_failed", TRANSIENT, ""
    RENDER_FAILED = "render_failed", TRANSIENT, ""
    SOUND_ENCODING_FAILED = "sound_encoding_failed", TRANSIENT, ""
    TRUE_PEAK_EXCEEDED = "true_peak_exceeded", TRANSIENT, ""

    # Object store and delivery
    DELIVERY_INCOMPLETE = "delivery_incomplete", PERMANENT, ""
    PRESIGN_TOO_LONG = "presign_too_long", PERMANENT, ""
    STORE_CHANGED = "store_changed", PERMANENT, ""
    STORE_IN_USE = "store_in_use", TRANSIENT, ""
    STORE_INCOMPLETE = "store_incomplete", TRANSIENT, ""
    STORE_MISSING = "store_missing", PERMANENT, ""
    STORE_NOT_CONFIGURED = "store_not_configured", PERMANENT, ""
    STORE_NOT_INSTALLED = "store_not_installed", PERMANENT, ""
    STORE_NOT_READY = "store_not_ready", TRANSIENT, ""
    STORE_NOT_STARTED = "store_not_started", TRANSIENT, ""
    STORE_REFUSED = "store_refused", PERMANENT, ""
    WORK_FILE_CHANGED = "work_file_changed", PERMANENT, ""

    # Costs
    LEDGER_CONFLICT = "ledger_conflict", TRANSIENT, ""
    UNKNOWN_PRICE = "unknown_price", PERMANENT, ""
    UNREADABLE_USAGE = "unreadable_usage", PERMANENT, ""

    # Configuration and the local system
    CORS_ORIGIN_INVALID = "cors_origin_invalid", PERMANENT, ""
    JWKS_URL_INSECURE = "jwks_url_insecure", PERMANENT, ""
    JWT_AMBIGUOUS = "jwt_ambiguous", PERMANENT, ""
    JWT_FOREIGN_ISSUER = "jwt_foreign_issuer", PERMANENT, ""
    JWT_NOT_CONFIGURED = "jwt_not_configured", PERMANENT, ""
    JWT_SECRET_TOO_SHORT = "jwt_secret_too_short", PERMANENT, ""
    LOST_RUNS_NOT_SETTLED = "lost_runs_not_settled", TRANSIENT, ""
    MIGRATIONS_PENDING = "migrations_pending", PERMANENT, ""
    NO_DAGSTER_DATABASE = "no_dagster_database", PERMANENT, ""
    NO_DATABASE = "no_database", PERMANENT, ""
    NO_FREE_PORT = "no_free_port", TRANSIENT, ""
    NOT_DONE_IN_TIME = "not_done_in_time", TRANSIENT, ""
    NOT_INSTALLED_WHOLE = "not_installed_whole", PERMANENT, ""
    NOT_MIGRATED = "not_migrated", TRANSIENT, ""
    PORT_TAKEN = "port_taken", PERMANENT, ""
    POSTGRES_AS_ROOT = "postgres_as_root", PERMANENT, ""
    POSTGRES_IN_USE = "postgres_in_use", TRANSIENT, ""
    POSTGRES_NOT_INSTALLED = "postgres_not_installed", PERMANENT, ""
    POSTGRES_NOT_MADE = "postgres_not_made", TRANSIENT, ""
    POSTGRES_NOT_READY = "postgres_not_ready", TRANSIENT, ""
    POSTGRES_NOT_STARTED = "postgres_not_started", TRANSIENT, ""
    POSTGRES_UNREACHABLE = "postgres_unreachable", PERMANENT, ""
    POSTGRES_VERSION = "postgres_version", PERMANENT, ""
    SERVER_DIED = "server_died", TRANSIENT, ""
    SERVER_IN_USE = "server_in_use", TRANSIENT, ""
    SERVER_NOT_READY = "server_not_ready", TRANSIENT, ""
    STACK_NOT_READY = "stack_not_ready", TRANSIENT, ""
    STACK_RUNNING = "stack_running", TRANSIENT, ""
