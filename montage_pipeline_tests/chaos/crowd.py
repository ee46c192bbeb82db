"""Many requests in flight at once, each with a trouble of its own, so that a case costs one Reel.

A case whose trouble concerns its own request alone joins the crowd; all cases that were selected
are asked for together, by a user each, and each asserts what became of its own. What cannot be told
apart (the bill as a whole, what is left over) every one of them asserts.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from montage_pipeline.vocabulary import CostState, RequestState
from montage_pipeline_tests.chaos.inside import AWAIT
from montage_pipeline_tests.chaos.patience import PATIENCE
from montage_pipeline_tests.chaos.scene import Death, Scene, World

_FIRST_BPM = 70
_MAX_MEMBERS = 100
"""Each has a tempo of its own, by which its music is known to fal; 180 is the highest."""

_LIMIT_S_EACH = 20.0
"""For all to be over, by member. A quiet machine with two slots makes a Reel in four seconds."""


_NO_DEATH = Death("", "")
"""An order that its run waits for, and that no call is meant by."""


class Trouble(Protocol):
    """What goes wrong with one request."""

    @property
    def code(self) -> str:
        """What the request fails with; nothing for a draft."""

    def arrange(self, member: "Member") -> None:
        """Order it, before the request is made."""

    @property
    def death(self) -> Death | None:
        """Where its first run is killed."""


@dataclass
class Member:
    """One case of the crowd. Claude is told its `word`; its music is played at its tempo."""

    scene: Scene
    trouble: Trouble
    number: int
    asked_s: float = 0.0
    """When its request was made, as `time.time`."""
    waited: bool = False
    """Whether it was seen to wait outside of any slot for its next attempt."""
    over_s: float | None = None
    killed_s: float | None = None
    again_s: float | None = None
    on_s: float | None = None
    """When it was over, its run was killed, it was queued again, and another run worked on it, as
    `time.time`.
    """

    @property
    def word(self) -> str:
        """In its request to Claude, and in no other's."""
        return f"footage{self.number:03d}"

    @property
    def tempo(self) -> str:
        """In its order of music, and in no other's."""
        return f"Tempo: {_FIRST_BPM + self.number} BPM"

    @property
    def request_id(self) -> UUID:
        """Of its only request."""
        return UUID(self.scene.items[0]["requestId"])

    def ask(self) -> None:
        """Have the trouble ordered and the request made."""
        self.trouble.arrange(self)
        self.asked_s = time.time()
        self.scene.click(prompt=f"the best of {self.word}", targetBpm=_FIRST_BPM + self.number)
        death = self.trouble.death or _NO_DEATH
        self.scene.world.kill_at(death, f"{self.request_id}.json")

    def note_the_kill(self) -> None:
        """When its order was carried out, which is a renaming."""
        killed = self.scene.world.orders / f"{self.request_id}.json.done"
        if killed.exists():
            self.killed_s = killed.stat().st_ctime

    @property
    def claude_calls(self) -> list[str]:
        """Ids of its calls that Claude charges."""
        server = self.scene.system.anthropic
        # Ids end with the number of the request, from 1.
        return [
            charged.request_id
            for charged in server.usages
            if self.word in str(server.requests[int(charged.request_id[-6:]) - 1].body["messages"])
        ]

    @property
    def music_jobs(self) -> list[str]:
        """Ids of its jobs that fal charges."""
        jobs = self.scene.system.fal.jobs
        return [job.id for job in jobs if job.charged_usd and self.tempo in job.arguments["prompt"]]

    def went_on(self, *, may_be_over: bool) -> None:
        """After the kill the request was queued again, and another run worked on it; or it was
        over by then.
        """
        assert self.killed_s is not None, f"{self.scene.name}: no run came there"
        if self.again_s is None:
            assert may_be_over, "what was killed before it delivered goes on"
            return
        queued_s = max(self.again_s - self.killed_s, 0.0)
        note = f"queued again {queued_s:.0f} s after the kill"
        if self.on_s is not None:
            self.scene.went_on_s.append(max(self.on_s - self.killed_s, 0.0))
            note += f", and went on {self.scene.went_on_s[-1]:.0f} s after it"
        self.scene.asserted.append(note)

    def is_well_after_a_kill(self) -> None:
        """As `is_well`, wherever its run was killed: one call that was in flight may have been
        bought twice, and then has a row that says so.
        """
        entries = self.scene.system.services.ledger.entries(self.request_id)
        in_doubt = sum(entry.state is not CostState.SETTLED for entry in entries)
        claude, music = len(self.claude_calls), len(self.music_jobs)
        assert claude, self.scene.name
        assert music, self.scene.name
        assert claude + music - 2 <= in_doubt <= 1, f"{self.scene.name}: {entries}"
        self.is_well(claude=claude, music=music, in_doubt=in_doubt)

    def is_well(
        self, *, claude: int = 1, music: int = 1, in_doubt: int = 0, waiting: int = 0
    ) -> None:
        """A draft, whole, or failed with its code; paid for so many calls, each on the ledger once,
        or among so many rows of which nobody knows whether they were charged, or `waiting` to be
        told.
        """
        scene = self.scene
        scene.statuses_are_right({str(self.request_id): self.trouble.code}, "")
        bought = [*self.claude_calls, *self.music_jobs]
        assert (len(self.claude_calls), len(self.music_jobs)) == (claude, music), scene.name
        entries = scene.system.services.ledger.entries(self.request_id)
        known = [entry.provider_request_id for entry in entries if entry.provider_request_id]
        assert len(known) == len(set(known)), f"{scene.name}: a call is on the ledger twice"
        states = [entry.state for entry in entries]
        assert states.count(CostState.PENDING) <= waiting, f"{scene.name}: {entries}"
        unsettled = len(states) - states.count(CostState.SETTLED)
        assert unsettled == in_doubt + waiting, f"{scene.name}: {entries}"
        assert len(set(bought) - set(known)) <= in_doubt, f"{scene.name}: {bought}, {entries}"
        scene.in_doubt = in_doubt
        note = f", {in_doubt} in doubt" if in_doubt else ""
        scene.asserted.append(f"ledger = wire ({len(bought)} calls{note})")
        scene.files_are_whole()


@dataclass
class Crowd:
    """All of them, asked for when the first case wants to know."""

    world: World
    members: Mapping[str, Member]
    together: Scene
    """Of which everybody's items are, to be judged together."""
    trouble: AssertionError | None = None
    begun: bool = False

    def run(self) -> None:
        """Once: ask for everybody, and wait until all are over. What is wrong with one member is
        for that one's case.
        """
        if self.begun:
            return
        self.begun = True
        try:
            self._run()
        except AssertionError as error:
            self.trouble = error

    def all_is_well(self) -> None:
        """What only all of them together can tell."""
        if self.trouble is not None:
            raise AssertionError(f"together: {self.trouble}") from self.trouble

    def _run(self) -> None:
        (self.world.orders / AWAIT).touch()
        for member in self.members.values():
            member.ask()
            self.together.items += member.scene.items
        limit_s = 120 * PATIENCE + _LIMIT_S_EACH * PATIENCE * len(self.members)
        self.together.wait_for(self._look, "everybody over", limit_s)
        for member in self.members.values():
            member.note_the_kill()
        self.world.calm_down()
        self.together.none_is_stuck()
        self.together.ledger_equals_wire()
        self.together.nothing_is_left()

    def _look(self) -> bool:
        """Note who waits and who is over; whether all are."""
        ids = ",".join(f"'{member.request_id}'" for member in self.members.values())
        rows = self.together.sql(
            "SELECT id, state, state = 'queued' AND attempt > 1 AND not_before > now() "
            "AND run_id IS NULL, attempt > 1, attempt > 1 AND run_id IS NOT NULL "
            f"AND state <> 'queued' FROM montage_requests WHERE id IN ({ids})"
        )
        of = {member.request_id: member for member in self.members.values()}
        for request_id, state, waits, again, on in rows:
            member = of[request_id]
            member.waited |= bool(waits)
            if again and member.again_s is None:
                member.again_s = time.time()
            if on and member.on_s is None:
                member.on_s = time.time()
            if member.over_s is None and RequestState(state).is_terminal:
                member.over_s = time.time()
        return all(member.over_s is not None for member in of.values())


def gathered(
    world: World, troubles: Sequence[tuple[str, Trouble]], scene_of: Callable[[str], Scene]
) -> Crowd:
    """The crowd of these cases, by name."""
    assert len(troubles) <= _MAX_MEMBERS
    members = {
        name: Member(scene_of(name), trouble, number)
        for number, (name, trouble) in enumerate(troubles)
    }
    return Crowd(world, members, scene_of("together"))
