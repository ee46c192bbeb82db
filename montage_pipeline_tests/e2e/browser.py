"""A person's browser window on the studio.

Needs Chromium (Debian: `apt-get install chromium`), or MONTAGE_TEST_CHROMIUM naming one.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

# The machine of a test may have no graphics, no sandbox for root, and no way to the internet.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

_SEEN_MS = 20_000
"""Longest wait for what a page shows at once, on a machine that runs other tests beside it."""


def chromium_path() -> str | None:
    """Where the browser is; None where there is none."""
    return os.environ.get("MONTAGE_TEST_CHROMIUM") or shutil.which("chromium")


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A running browser, for as long as it is needed."""
    expect.set_options(timeout=_SEEN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


class StudioWindow:
    """One person's window on the studio of an API, and what the page complained of."""

    def __init__(
        self,
        browser: Browser,
        api_url: str,
        *,
        width: int,
        scheme: Literal["light", "dark"] = "light",
    ) -> None:
        self.complaints: list[str] = []
        self._api_url = api_url
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        self.page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(f"{message.text} {message.location['url']}")
                if message.type in ("error", "warning")
                else None
            ),
        )

    def open(self, path: str = "", *, token: str | None = None) -> Page:
        """The studio at `path`, signed in by the address as `montage up` opens it."""
        fragment = f"#token={token}" if token is not None else ""
        self.page.goto("about:blank")
        self.page.goto(f"{self._api_url}/studio{path}{fragment}")
        return self.page

    def close(self) -> None:
        """End the person's session."""
        self._context.close()
