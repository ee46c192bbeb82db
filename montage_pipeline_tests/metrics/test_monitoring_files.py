"""The alert rules and the dashboard: every expression is PromQL, over metrics and labels that are
exported, and every alert is explained.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry
from sqlalchemy import create_engine

from montage_pipeline.metrics.http import HttpMetrics
from montage_pipeline.metrics.pipeline import PipelineMetrics
from montage_pipeline_tests.package_tree import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
ALERTS = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [
    target["expr"] for panel in PANELS for target in panel["targets"]
]
_ADDED_BY_PROMETHEUS = {"job", "instance"}


def series(registry: CollectorRegistry) -> dict[str, set[str]]:
    """The labels of every series that a registry exports, by name."""
    found: dict[str, set[str]] = {}
    for collector in registry._collector_to_names:
        labels = set(collector._labelnames)  # type: ignore[attr-defined]
        kind = collector._type  # type: ignore[attr-defined]
        name = collector._name  # type: ignore[attr-defined]
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        for ending in endings.get(kind, [""]):
            found[name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return found


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Every series of ours: names are known before there is a database."""
    pipeline = PipelineMetrics(create_engine("postgresql+psycopg://nobody@nowhere/none"))
    return series(pipeline.registry) | series(HttpMetrics().registry)


def nodes(expression: Any) -> Iterator[Any]:
    """An expression, and everything it is made of."""
    yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector", "vs"):
        inner = getattr(expression, name, None)
        if inner is not None:
            yield from nodes(inner)
    for argument in getattr(expression, "args", None) or ():
        yield from nodes(argument)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_is_over_what_is_exported(
    expression: str, exported: dict[str, set[str]]
) -> None:
    parsed = promql_parser.parse(expression.replace("$__rate_interval", "5m"))
    selectors = [n for n in nodes(parsed) if isinstance(n, promql_parser.VectorSelector)]
    assert selectors, "it looks at something"
    known: set[str] = set()
    for selector in selectors:
        assert selector.name in exported
        labels = exported[selector.name]
        known |= labels
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, f"{selector.name} has no label {matcher.name}"
    # Every one that was written was found in the tree.
    assert {s.name for s in selectors} == set(re.findall(r"montage_\w+", expression))
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in grouping.split(",")} <= known


def test_every_metric_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    shown = {
        name
        for panel in PANELS
        for target in panel["targets"]
        for name in re.findall(r"montage_\w+", target["expr"])
    }
    kinds = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported}
    assert {re.sub(r"_bucket$", "", name) for name in shown} == kinds


def test_every_alert_is_explained() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    for rule in ALERTS:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert f"| `{rule['alert']}` |" in page
    assert len(re.findall(r"^\| `Montage\w+` \|", page, re.M)) == len(ALERTS)


def test_every_alert_has_its_drill() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    [drills] = re.findall(r"^## Drills\n(.*?)^## ", page, re.M | re.S)
    alarms = [row.split("|")[1] for row in drills.splitlines() if row.startswith("| ")]
    named = {name for alarm in alarms for name in re.findall(r"`(Montage\w+)`", alarm)}
    assert named == {rule["alert"] for rule in ALERTS}


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _y in cells) < 24
        assert not cells & taken
        taken |= cells


def test_legends_name_labels_that_are_there(exported: dict[str, set[str]]) -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            labels = set.union(
                *(exported[name] for name in re.findall(r"montage_\w+", target["expr"]))
            )
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


def test_what_is_scraped_is_what_is_served() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    assert scraped["rule_files"] == ["alerts.yaml"]
    ports = {
        target.rpartition(":")[2]
        for job in scraped["scrape_configs"]
        for target in job["static_configs"][0]["targets"]
    }
    from montage_pipeline.settings import Settings

    settings = Settings()
    assert ports == {str(settings.api_port), str(settings.metrics_port)}
