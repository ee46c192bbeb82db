"""What happens to jobs in the fake of fal's queue: their plans, their faults, their price."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

_USD_PER_MINUTE = {"cassetteai/music-generator": Decimal("0.02")}
_USD_PER_AUDIO = {
    "fal-ai/stable-audio-25/text-to-audio": Decimal("0.20"),
    "fal-ai/lyria3": Decimal("0.04"),
}
_USD_OF_OTHERS = Decimal("0.10")


@dataclass(frozen=True)
class Fault:
    """What happens to one call instead of a good answer. `seconds` delay a slow one."""

    kind: Literal["http", "cut_before", "cut_after", "slow", "garbage"]
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def http(cls, status: int, body: Any = None, **headers: str) -> "Fault":
        """An error answer; a str body is sent as it is. `_` in header names stands for `-`."""
        return cls(
            "http", status, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )

    @classmethod
    def cut_before(cls) -> "Fault":
        """The connection breaks and nothing was done."""
        return cls("cut_before")

    @classmethod
    def cut_after(cls) -> "Fault":
        """It was done (a job was queued), but the connection breaks before the answer."""
        return cls("cut_after")

    @classmethod
    def slow(cls, seconds: float) -> "Fault":
        """A good answer, late."""
        return cls("slow", seconds=seconds)

    @classmethod
    def garbage(cls) -> "Fault":
        """It was done, and the answer is 200 with something that is not JSON."""
        return cls("garbage")


@dataclass(frozen=True)
class JobPlan:
    """How one job goes.

    `polls` polls find it unfinished, all of them when `never`. `error` ends it without music, and
    its result is answered with `error_status`. `billed_units` is what fal says it bills ("auto":
    what was asked for, None: it does not say). `seconds` overrides the length of its music,
    `file_body` the file; `file_gone` answers 404 for it.
    """

    polls: int = 1
    error: str | None = None
    error_status: int = 500
    billed_units: str | None = "auto"
    never: bool = False
    seconds: float | None = None
    file_body: bytes | None = None
    file_gone: bool = False


@dataclass
class FakeJob:
    """A job the server accepted."""

    id: str
    endpoint: str
    arguments: dict[str, Any]
    plan: JobPlan
    charged_usd: Decimal
    polls: int = 0
    results: int = 0
    canceled: bool = False

    @property
    def units(self) -> Decimal:
        """Billable units: minutes of output, or audios."""
        if self.endpoint in _USD_PER_MINUTE:
            return Decimal(str(self.arguments.get("duration", 0))) / 60
        return Decimal(1)

    @property
    def price_usd(self) -> Decimal:
        """What the job costs once it succeeds."""
        rates = _USD_PER_MINUTE | _USD_PER_AUDIO
        return self.units * rates.get(self.endpoint, _USD_OF_OTHERS)

    @property
    def done(self) -> bool:
        """Whether the job has finished, well or not."""
        return not self.plan.never and self.polls > self.plan.polls


def faulty_field(endpoint: str, arguments: dict[str, Any]) -> str | None:
    """The argument that the model refuses, as the real one does."""
    if not isinstance(arguments.get("prompt"), str) or not arguments["prompt"]:
        return "prompt"
    if endpoint == "cassetteai/music-generator":
        duration = arguments.get("duration")
        if not isinstance(duration, int) or not 10 <= duration <= 180:
            return "duration"
    return None
