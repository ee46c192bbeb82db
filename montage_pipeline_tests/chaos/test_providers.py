"""Claude and fal refuse, break, hang, and answer nonsense."""

from dataclasses import dataclass

import pytest

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.conftest import CLAUDE_TIMEOUT_S, FAL_TIMEOUT_S
from montage_pipeline_tests.chaos.crowd import Member
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal


@dataclass(frozen=True)
class Claude:
    """What Claude's API does with the first call of a request."""

    name: str
    fault: claude.Fault
    charged: bool = False
    """Whether Claude charges the call all the same."""
    waits: bool = False
    """Whether the request waits outside of any slot before the next."""
    code: str = ""

    def __str__(self) -> str:
        return self.name

    def arrange(self, member: Member) -> None:
        """Its next call meets the fault."""
        member.scene.system.anthropic.script_about(member.word, self.fault)

    @property
    def death(self) -> None:
        """Nothing is killed."""


@dataclass(frozen=True)
class Fal:
    """What fal's queue does with calls about the job of a request."""

    name: str
    place: fal.Place
    fault: fal.Fault
    times: int = 1
    """In a row."""
    bought: int = 1
    """How many jobs are charged in the end."""
    in_doubt: int = 0
    waits: bool = False
    code: str = ""

    def __str__(self) -> str:
        return self.name

    def arrange(self, member: Member) -> None:
        """Its next calls of that kind meet the fault."""
        faults = [self.fault] * self.times
        member.scene.system.fal.script_about(member.tempo, self.place, *faults)

    @property
    def death(self) -> None:
        """Nothing is killed."""


@dataclass(frozen=True)
class NoEnd:
    """The job is never done."""

    code: str = "music_timeout"

    def __str__(self) -> str:
        return self.code

    def arrange(self, member: Member) -> None:
        """The job of this request goes on and on."""
        member.scene.system.fal.plan_about(member.tempo, fal.JobPlan(never=True))

    @property
    def death(self) -> None:
        """Nothing is killed."""


_RETRY_AFTER = {"short": "1", "long": "8", "absurd": "86400"}
"""Seconds: less than a slot is held for, more, and more than anybody waits."""

_CLAUDE = [
    Claude("500", claude.Fault.server_error()),
    Claude("529", claude.Fault.overloaded()),
    Claude("hangs", claude.Fault.slow(CLAUDE_TIMEOUT_S + 2), charged=True),
    Claude("is-cut", claude.Fault.cut(), charged=True),
    Claude("garbage", claude.Fault.broken_body(), charged=True),
]
_CLAUDE_429 = [
    Claude(length, claude.Fault.rate_limited(int(after)), waits=length != "short")
    for length, after in _RETRY_AFTER.items()
]
_NO = {"detail": "no"}
_FAL = [
    Fal("submit-500", "submit", fal.Fault.http(500, _NO)),
    Fal("status-503", "status", fal.Fault.http(503, "<html>no</html>")),
    Fal("result-500", "result", fal.Fault.http(500, _NO)),
    Fal("status-is-cut", "status", fal.Fault.cut_after()),
    Fal("status-garbage", "status", fal.Fault.garbage()),
    Fal("result-garbage", "result", fal.Fault.garbage()),
    Fal("file-is-cut", "file", fal.Fault.cut_after()),
    # Music that was paid for is not given up for one 404.
    Fal("file-404", "file", fal.Fault.http(404, _NO)),
    # A file that is gone however often it is asked for has to be bought again.
    Fal("file-gone", "file", fal.Fault.http(404, _NO), times=3, bought=2),
]
_FAL_429 = [
    Fal(
        length,
        "submit",
        fal.Fault.http(429, {"detail": "slow down"}, Retry_After=after),
        waits=length != "short",
    )
    for length, after in _RETRY_AFTER.items()
]
_UNANSWERED = Fal(
    "cut",
    "submit",
    fal.Fault.cut_after(),
    in_doubt=1,
    code="music_submit_uncertain",
)


@pytest.mark.parametrize("trouble", _CLAUDE_429, ids=str)
def test_claude_429(member: Member, trouble: Claude) -> None:
    _waited(member, waits=trouble.waits)
    member.is_well()


@pytest.mark.parametrize("trouble", _FAL_429, ids=str)
def test_fal_429(member: Member, trouble: Fal) -> None:
    _waited(member, waits=trouble.waits)
    member.is_well()


@pytest.mark.parametrize("trouble", _CLAUDE, ids=str)
def test_claude(member: Member, trouble: Claude) -> None:
    _tried_again(member, Step.CLIP_ANALYSIS)
    member.is_well(claude=1 + trouble.charged, in_doubt=int(trouble.charged))


@pytest.mark.parametrize("trouble", _FAL, ids=str)
def test_fal(member: Member, trouble: Fal) -> None:
    member.is_well(music=trouble.bought)


@pytest.mark.parametrize("trouble", [_UNANSWERED], ids=str)
def test_fal_order_without_an_answer(member: Member, trouble: Fal) -> None:
    """Nobody knows whether it was taken: it is not sent again."""
    member.is_well(in_doubt=trouble.in_doubt)


@pytest.mark.parametrize("trouble", [NoEnd()], ids=str)
def test_fal_job_never_ends(member: Member, trouble: NoEnd) -> None:
    """It is waited for as often as any step is tried, and never bought again."""
    # fal may yet charge the job, so its row is open until the reconciler gives it up, too.
    member.is_well(waiting=1)
    member.scene.asserted.append(f"given up after 4 waits of {FAL_TIMEOUT_S:g} s")


def _waited(member: Member, *, waits: bool) -> None:
    """Who is told to wait for longer than a moment waits outside of any slot."""
    assert member.waited == waits
    if waits:
        member.scene.asserted.append("waited outside its slot")


def _tried_again(member: Member, step: Step) -> None:
    """The fault is on the item that met it."""
    scene = member.scene
    with scene.system.client(scene.user) as client:
        answer = client.get(f"/api/content-items/{scene.items[0]['id']}")
    assert answer.status_code == 200, answer.text
    item = answer.json()
    tries = [failed for failed in item["tries"] if failed["step"] == step]
    assert tries, f"{scene.name}: {item['tries']}"
    scene.asserted.append(f"{len(tries)} tries on the item")
