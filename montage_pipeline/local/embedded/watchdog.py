"""Whether Dagster's code server and daemon work: asked, not believed.

A process that lives may have stopped to work: its threads may all wait for something, and the one
that looks after the processes of runs ends for good when a run ends while the database is away. So
the code server is called over its own protocol, with a deadline, and is asked which runs it holds.
`montage up` restarts one that does not answer; in a container, this module is the health check:

    python -m montage_pipeline.local.embedded.watchdog 127.0.0.1:4000

It ends with status 1 when there is no answer. Dagster's own check would import Dagster first, which
costs seconds of a core each time.
"""

import re
import sys
from collections.abc import Sequence

_DEADLINE_S = 20.0
"""It answers within milliseconds; with every core taken by renders, within a second or two."""

_LIST_REPOSITORIES = "/api.DagsterApi/ListRepositories"
_CURRENT_RUNS = "/api.DagsterApi/GetCurrentRuns"

_RUN_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_OVER = {"SUCCESS", "FAILURE", "CANCELED"}


def serves(address: str) -> bool:
    """Whether the code server at this address lists its repositories within the deadline."""
    return bool(_called(address, _LIST_REPOSITORIES))


def runs_held(address: str) -> list[str] | None:
    """The runs whose processes the code server looks after; None when it does not answer."""
    answer = _called(address, _CURRENT_RUNS)
    if answer is None:
        return None
    return [run_id.decode() for run_id in _RUN_ID.findall(answer)]


class CodeServerWatch:
    """Whether one code server works, asked again and again."""

    def __init__(self, address: str, dagster_dsn: str) -> None:
        self._address = address
        self._dagster_dsn = dagster_dsn
        self._over_before: set[str] = set()

    def works(self) -> bool:
        """It answers, and it clears away the runs that are over, which takes it a second.

        One that does not clear is only told to be broken while no other run is its child: those
        would die with it, and are looked after by their heartbeats meanwhile.
        """
        held = runs_held(self._address)
        if held is None or not serves(self._address):
            return False
        states = _run_states(self._dagster_dsn, held) if held else {}
        over = {run_id for run_id in held if states.get(run_id) in _OVER}
        stuck = over & self._over_before
        self._over_before = over
        return not (stuck and len(over) == len(held))


class DaemonWatch:
    """Whether the daemon's loop of sensors turns."""

    def __init__(self, dagster_dsn: str) -> None:
        self._dagster_dsn = dagster_dsn
        self._before: object = None

    def works(self) -> bool:
        """It has beaten since the last look, or the database cannot tell."""
        now = last_heartbeat(self._dagster_dsn)
        works = now is None or now != self._before
        self._before = now
        return works


def last_heartbeat(dagster_dsn: str) -> object:
    """When the daemon's loop of sensors last turned; None when there is no telling."""
    import psycopg

    try:
        with psycopg.connect(dagster_dsn, connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT max(timestamp) FROM daemon_heartbeats WHERE daemon_type = 'SENSOR'"
            ).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.OperationalError):
        return None
    return row[0] if row else None


def _run_states(dagster_dsn: str, run_ids: Sequence[str]) -> dict[str, str]:
    """Dagster's status of each of these runs; empty while the database is away."""
    import psycopg

    query = "SELECT run_id, status FROM runs WHERE run_id = ANY(%s)"
    try:
        with psycopg.connect(dagster_dsn, connect_timeout=5) as connection:
            return dict(connection.execute(query, (list(run_ids),)).fetchall())
    except psycopg.Error:
        return {}


def _called(address: str, method: str) -> bytes | None:
    """The answer to a call without arguments, as it comes; None when there is none."""
    import grpc

    # An empty message is an empty string: no stubs are needed, nor Dagster, which has them.
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(method)
        try:
            answer = call(b"", timeout=_DEADLINE_S, wait_for_ready=True)
        except grpc.RpcError:
            return None
    return bytes(answer)


def main(arguments: Sequence[str]) -> int:
    """The health check as a program."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m montage_pipeline.local.embedded.watchdog HOST:PORT\n")
        return 2
    if serves(arguments[0]):
        return 0
    sys.stderr.write(f"the code server at {arguments[0]} does not answer\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
