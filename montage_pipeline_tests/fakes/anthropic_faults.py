"""What can go wrong with a request to the fake Anthropic API."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_NAMES = (
    "broken_body",
    "cut",
    "invalid_json",
    "max_tokens",
    "overloaded",
    "rate_limited",
    "refusal",
    "reject_all",
    "server_error",
    "slow",
    "spend_limit",
    "unknown_ids",
)
"""The class methods of `Fault` that a command line can name."""


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of a good answer. Make one with the class methods."""

    kind: str
    seconds: float = 0.0
    status: int = 0
    error_type: str = ""
    message: str = ""
    details: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    rewrite: Callable[[dict[str, Any]], object] | None = None

    @classmethod
    def error(
        cls,
        status: int,
        error_type: str,
        message: str,
        *,
        error_code: str | None = None,
        **headers: str,
    ) -> "Fault":
        """Any error answer; header names with _ for -."""
        details = {"error_code": error_code} if error_code else None
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(
            "error",
            status=status,
            error_type=error_type,
            message=message,
            details=details,
            headers=names,
        )

    @classmethod
    def rate_limited(cls, retry_after_s: int = 7) -> "Fault":
        """429 with retry-after."""
        return cls.error(
            429,
            "rate_limit_error",
            "Number of requests has exceeded your rate limit.",
            retry_after=str(retry_after_s),
        )

    @classmethod
    def spend_limit(cls) -> "Fault":
        """429 that no waiting cures."""
        return cls.error(
            429,
            "rate_limit_error",
            "You have reached your API usage limits.",
            error_code="enforced_spend_limit_reached",
        )

    @classmethod
    def overloaded(cls) -> "Fault":
        """529."""
        return cls.error(529, "overloaded_error", "Overloaded")

    @classmethod
    def server_error(cls) -> "Fault":
        """500."""
        return cls.error(500, "api_error", "Internal server error")

    @classmethod
    def cut(cls) -> "Fault":
        """The connection ends in the middle of the answer; the call is charged."""
        return cls("cut")

    @classmethod
    def slow(cls, seconds: float) -> "Fault":
        """A good answer, late; charged also when nobody waits for it."""
        return cls("slow", seconds=seconds)

    @classmethod
    def refusal(cls) -> "Fault":
        """HTTP 200 with stop_reason refusal."""
        return cls("refusal")

    @classmethod
    def max_tokens(cls) -> "Fault":
        """The JSON stops in the middle."""
        return cls("max_tokens")

    @classmethod
    def invalid_json(cls) -> "Fault":
        """The answer's text is no JSON."""
        return cls("invalid_json")

    @classmethod
    def unknown_ids(cls) -> "Fault":
        """The answer judges moments that nobody asked about."""

        def rename(judgement: dict[str, Any]) -> None:
            for score in judgement["scores"]:
                score["id"] = f"nobody-{score['id']}"

        return cls("unknown_ids", rewrite=rename)

    @classmethod
    def reject_all(cls) -> "Fault":
        """Every moment is rejected."""

        def reject(judgement: dict[str, Any]) -> None:
            judgement["rejected"] += [
                {"id": score["id"], "code": "irrelevant", "reason": "nothing to see"}
                for score in judgement["scores"]
            ]

        return cls("reject_all", rewrite=reject)

    @classmethod
    def broken_body(cls) -> "Fault":
        """HTTP 200 whose body is not JSON at all; charged."""
        return cls("broken_body")

    @classmethod
    def misjudged(cls, rewrite: Callable[[dict[str, Any]], object]) -> "Fault":
        """The judgement after `rewrite` changed it in place.

        What a careless or a misled model might say.
        """
        return cls("misjudged", rewrite=rewrite)

    @classmethod
    def named(cls, name: str) -> "Fault":
        """The fault that a command line names, with `:SECONDS` for slow and rate_limited."""
        kind, _, seconds = name.partition(":")
        if kind not in _NAMES:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(_NAMES)}")
        make: Callable[..., Fault] = getattr(cls, kind)
        if not seconds:
            return make()
        return make(float(seconds) if kind == "slow" else int(seconds))
