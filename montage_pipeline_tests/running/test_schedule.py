"""What the workers get, as xdist's scheduler hands it out."""

from types import SimpleNamespace

from montage_pipeline_tests.running.schedule import LongFilesFirst

_TESTS = [
    "montage_pipeline_tests/api/test_auth.py::test_a",
    "montage_pipeline_tests/api/test_schemathesis.py::test_b",
    "montage_pipeline_tests/analysis/test_local.py::test_c",
    "montage_pipeline_tests/e2e/test_click_to_draft.py::test_d",
    "montage_pipeline_tests/e2e/test_large_uploads.py::test_e",
    "montage_pipeline_tests/e2e/test_studio.py::test_f",
    "montage_pipeline_tests/e2e/test_studio.py::test_g",
    "montage_pipeline_tests/rendering/test_check.py::test_h",
]


class Worker:
    """Notes what it is told to run."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.told: list[list[str]] = []

    def send_runtest_some(self, places: list[int]) -> None:
        self.told.append([_TESTS[place].rpartition("::")[2] for place in places])

    def shutdown(self) -> None:
        self.shutting_down = True


def test_long_files_begin_first_and_the_whole_system_is_one_workers() -> None:
    config = SimpleNamespace(
        getvalue=lambda _: ["popen", "popen"], option=SimpleNamespace(loadscopereorder=False)
    )
    scheduler = LongFilesFirst(config, None)
    one, other = workers = [Worker("one"), Worker("other")]
    for worker in workers:
        scheduler.add_node(worker)
        scheduler.add_node_collection(worker, _TESTS)
    scheduler.schedule()
    assert one.told == [["test_d", "test_f", "test_g"]]
    assert other.told == [["test_c"], ["test_b"]]

    # Then the other files, in their order.
    scheduler.mark_test_complete(other, 2)
    assert other.told[2:] == [["test_a"]]
