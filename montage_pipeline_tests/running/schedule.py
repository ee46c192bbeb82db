"""Which worker gets which tests, and when, in `make test`.

Belongs here: the files that take longest, and those that share what is dear to start. Does not
belong here: which tests are slow enough for `make test-all` alone (their markers).
"""

from pathlib import Path
from typing import Any

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_TESTS = Path(__file__).parents[1]

_WHOLE_SYSTEM = (
    "e2e/test_click_to_draft.py",
    "e2e/test_kills.py",
    "e2e/test_studio.py",
    "e2e/test_studio_journeys.py",
)
"""They use one running system, which takes 20 s of CPU to start, and more while it runs."""

_LONG = (
    *_WHOLE_SYSTEM,
    "analysis/test_local.py",
    "orchestration/edits/test_reuse.py",
    "api/test_schemathesis.py",
    "orchestration/test_retries.py",
    "analysis/scan/test_looking.py",
    "orchestration/analytics/test_marts.py",
    "analysis/claude/test_resume.py",
    "orchestration/test_documents.py",
    "orchestration/runs/test_outcomes.py",
    "footage/rebuilding/test_copying.py",
    "local/embedded/test_seaweed.py",
    "orchestration/edits/test_variants.py",
    "orchestration/test_providers.py",
)
"""Twenty seconds and more, longest first. Begun late, one of them would keep a single worker busy
while the others have nothing left to do.
"""


class LongFilesFirst(LoadScopeScheduling):  # type: ignore[misc]
    """All tests of a file go to one worker, and long files begin first."""

    def __init__(self, config: Any, log: Any) -> None:
        assert all((_TESTS / file).is_file() for file in _LONG), "a long file has another name now"
        super().__init__(config, log)
        self._first = list(dict.fromkeys(map(_share, _LONG)))

    def _split_scope(self, nodeid: str) -> str:
        return _share(nodeid.partition("::")[0].removeprefix(f"{_TESTS.name}/"))

    def _assign_work_unit(self, node: Any) -> None:
        waiting = next((share for share in self._first if share in self.workqueue), None)
        if waiting is not None:
            self.workqueue.move_to_end(waiting, last=False)
        super()._assign_work_unit(node)


def _share(file: str) -> str:
    """What one worker does from beginning to end: a file, or all that use the whole system."""
    return "the whole system" if file in _WHOLE_SYSTEM else file
