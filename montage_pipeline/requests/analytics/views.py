"""Every view of the schema `analytics`: its columns and what they mean."""

from montage_pipeline.requests.analytics.model import Column, View

_DAY = Column("day", "date", "UTC day on which the call was made.")
_REQUEST_DAY = Column("day", "date", "UTC day on which the request was made.")
_SERVICE = Column("service", "text", "Whom the call was made to: claude or fal.")
_MODEL = Column("model", "text", "Model by whose price the call was paid.")
_USER = Column("user_id", "uuid", "Who asked for the Reel.")
_REQUEST = Column("request_id", "uuid", "The request; null when its item was deleted.")
_ITEM = Column("item_id", "uuid", "The content item.")
_STYLE = Column("style", "text", "Style of the Reel.")
_FORMAT = Column("format", "text", "Format of the Reel: reel, feed, square, landscape.")
_DURATION = Column("duration_sec", "bigint", "Length that was asked for, in seconds.")
_CALLS = Column("calls", "bigint", "Rows of the ledger, whatever became of the call.")
_COST = Column("cost_usd", "usd", "What was charged; 0 while a call is pending.")
_PREDICTED = Column("predicted_usd", "usd", "What was predicted before the calls were sent.")

CALLS = View(
    name="calls",
    comment="One row per row of the ledger, with the request it was made for. Every other view of "
    "costs is a sum over this one.",
    grain=("call_id",),
    columns=(
        _DAY,
        Column("month", "date", "First day of that month."),
        Column("call_id", "uuid", "Id of the row in api_cost_logs."),
        _USER,
        _REQUEST,
        _ITEM,
        _STYLE,
        _FORMAT,
        _DURATION,
        Column("request_state", "text", "Where the request stands now."),
        _SERVICE,
        _MODEL,
        Column("step", "text", "Step that made the call: clip_analysis or music_track."),
        Column("state", "text", "pending, settled, or estimated."),
        _COST,
        Column("predicted_usd", "usd", "What the call was predicted to cost, if that is known."),
        Column(
            "waste",
            "text",
            "Why the money bought nothing: in_doubt, unusable_answer, bought_again, "
            "request_failed, request_canceled; null when it bought something.",
        ),
        Column(
            "saved_usd",
            "usd",
            "Of a row for which nothing was bought, since an "
            "earlier request had bought it: what it had paid.",
        ),
        Column("made_at", "timestamptz", "When the row was written."),
        Column("closed_at", "timestamptz", "When its price was known; null while it is pending."),
    ),
)

COST_BY_DAY = View(
    name="cost_by_day",
    comment="Cost by day, service, model, step and state.",
    grain=("day", "service", "model", "step", "state"),
    reads=("calls",),
    columns=(
        _DAY,
        _SERVICE,
        _MODEL,
        Column("step", "text", "Step that made the calls."),
        Column("state", "text", "pending, settled, or estimated."),
        _CALLS,
        Column("requests", "bigint", "Requests they were made for."),
        _COST,
        _PREDICTED,
    ),
)

COST_BY_REQUEST = View(
    name="cost_by_request",
    comment="Every request with what it cost; 0 where nothing was bought.",
    grain=("request_id",),
    reads=("calls",),
    columns=(
        _REQUEST_DAY,
        Column("request_id", "uuid", "The request."),
        _ITEM,
        _USER,
        _STYLE,
        _FORMAT,
        _DURATION,
        Column("state", "text", "Where the request stands."),
        Column("delivered", "boolean", "Whether it delivered a Reel."),
        _CALLS,
        _COST,
        _PREDICTED,
        Column("analysis_usd", "usd", "Of the cost: judging the clips."),
        Column("music_usd", "usd", "Of the cost: composing the music."),
        Column("wasted_usd", "usd", "Of the cost: what bought nothing."),
        Column("finished_at", "timestamptz", "When it ended; null while it is under way."),
    ),
)

COST_BY_REEL = View(
    name="cost_by_reel",
    comment="Every item that has a Reel, with what all its requests cost, failed ones too.",
    grain=("item_id",),
    reads=("cost_by_request",),
    columns=(
        Column("day", "date", "UTC day of the item's first delivery."),
        _ITEM,
        _USER,
        _STYLE,
        _FORMAT,
        _DURATION,
        Column("requests", "bigint", "Requests of the item so far."),
        Column("deliveries", "bigint", "Of these: requests that delivered."),
        _CALLS,
        _COST,
        _PREDICTED,
        Column("wasted_usd", "usd", "Of the cost: what bought nothing."),
    ),
)

COST_BY_STYLE = View(
    name="cost_by_style",
    comment="Requests, Reels and cost by style, format and length.",
    grain=("day", "style", "format", "duration_sec"),
    reads=("cost_by_request",),
    columns=(
        _REQUEST_DAY,
        _STYLE,
        _FORMAT,
        _DURATION,
        Column("requests", "bigint", "Requests made that day."),
        Column("delivered", "bigint", "Of these: requests that delivered a Reel."),
        _CALLS,
        _COST,
        Column("wasted_usd", "usd", "Of the cost: what bought nothing."),
    ),
)

COST_BY_USER = View(
    name="cost_by_user",
    comment="Cost by user, day and service; sum over `month` for what a user owes for it.",
    grain=("day", "user_id", "service"),
    reads=("calls",),
    columns=(
        _DAY,
        Column("month", "date", "First day of that month."),
        _USER,
        _SERVICE,
        _CALLS,
        Column("requests", "bigint", "Requests they were made for."),
        _COST,
        Column("wasted_usd", "usd", "Of the cost: what bought nothing."),
    ),
)

WASTE_BY_DAY = View(
    name="waste_by_day",
    comment="Money that bought nothing, by reason.",
    grain=("day", "service", "model", "reason"),
    reads=("calls",),
    columns=(
        _DAY,
        _SERVICE,
        _MODEL,
        Column(
            "reason",
            "text",
            "in_doubt, unusable_answer, bought_again, request_failed, request_canceled.",
        ),
        _CALLS,
        _COST,
    ),
)

PREDICTION_BY_DAY = View(
    name="prediction_by_day",
    comment="What charged calls were predicted to cost, beside what they did.",
    grain=("day", "service", "model"),
    reads=("calls",),
    columns=(
        _DAY,
        _SERVICE,
        _MODEL,
        Column("calls", "bigint", "Settled calls that were charged and had a prediction."),
        _PREDICTED,
        Column("settled_usd", "usd", "What the provider charged."),
        Column("off_usd", "usd", "How far single predictions were off, summed without sign."),
        Column("over", "bigint", "Calls that cost more than was predicted."),
    ),
)

REUSE_BY_DAY = View(
    name="reuse_by_day",
    comment="What was not bought, because an earlier request had bought it.",
    grain=("day", "service", "model"),
    reads=("calls",),
    columns=(
        _DAY,
        _SERVICE,
        _MODEL,
        Column("reuses", "bigint", "Answers and tracks that were used again."),
        Column("saved_usd", "usd", "What they had cost when they were bought."),
    ),
)

VIEWS = (
    CALLS,
    COST_BY_DAY,
    COST_BY_REQUEST,
    COST_BY_REEL,
    COST_BY_STYLE,
    COST_BY_USER,
    WASTE_BY_DAY,
    PREDICTION_BY_DAY,
    REUSE_BY_DAY,
)
"""In an order in which each view reads only those before it."""
