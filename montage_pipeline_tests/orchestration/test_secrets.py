"""What Dagster stores of a failure, and what its user reads, has no secret in it, however deep."""

from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.assets import clip_analysis
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    run_montage,
)

_SIGNED = "https://bucket.example.com/k.mp4?X-Goog-Signature=deadbeefdeadbeef"
_DSN = "postgresql://montage:hunter2hunter2@10.1.2.3/montage"


def test_causes_are_cleaned(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        try:
            raise OSError(f"GET {_SIGNED}: reset")
        except OSError as error:
            raise RuntimeError(f"connection to {_DSN} lost") from error

    monkeypatch.setattr(clip_analysis, "warm_up", fail)
    created = click(library, user, "https://media.example.com/a.mp4")
    result = run_montage(services, instance, add_partition(instance, created))

    stored = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert "OSError" in stored, "the chain is kept"
    for text in (stored, str(error_of(library, user, created))):
        for secret in ("deadbeef", "hunter2"):
            assert secret not in text

    # Users get a sentence, and what finds the rest in the log.
    shown = error_of(library, user, created)
    assert shown["code"] == "internal_error"
    reference = shown["details"]["reference"]
    assert reference in shown["message"]
    for internal in ("RuntimeError", "connection", "10.1.2.3"):
        assert internal not in str(shown)
        assert internal not in str(item_of(library, user, created).tries)
    [line] = [
        line
        for line in "".join(capfd.readouterr()).splitlines()
        if reference in line and "step_failed" in line
    ]
    assert "RuntimeError: connection to" in line
