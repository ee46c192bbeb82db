"""The README, `.env.example` and the deploy files say what the code says."""

import re
from pathlib import Path

import yaml

from montage_pipeline.cli.error_table import markdown_page
from montage_pipeline.cli.settings_table import env_file, markdown_table

ROOT = Path(__file__).parent.parent


def test_the_settings_table_is_the_settings() -> None:
    """When this fails: `montage settings --markdown`, into the README."""
    assert markdown_table() in (ROOT / "README.md").read_text()


def test_the_env_example_is_the_settings() -> None:
    """When this fails: `montage settings --env > .env.example`."""
    assert (ROOT / ".env.example").read_text() == env_file()


def test_the_error_page_is_the_registry() -> None:
    """When this fails: `montage errors --markdown > docs/errors.md`."""
    assert (ROOT / "docs" / "errors.md").read_text() == markdown_page()


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_constraints_pin_every_requirement_without_naming_a_host() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    wanted = re.findall(
        r'^\s+"([A-Za-z0-9._-]+)',
        (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0],
        re.MULTILINE,
    )
    assert {re.sub(r"[-_.]+", "-", name.lower()) for name in wanted} <= {
        re.sub(r"[-_.]+", "-", name) for name in pinned
    }


def test_yaml_files_parse() -> None:
    for name in ("dagster.yaml", "workspace.yaml", "deploy/compose.yaml"):
        assert yaml.safe_load((ROOT / name).read_text())
