"""Lines that say where footage is from, and those of a scene that do not."""

import pytest

from montage_pipeline.footage.measuring.overlays.sources import says_source


@pytest.mark.parametrize(
    "line",
    [
        "shutterstock",
        "SHUTTERST0CK",
        "Getty Images",
        "gettyimages®",
        "Adobe Stock",
        "clideo.com",
        "www.surfclub.org",
        "my-films.co.uk",
        "@lena.travels",
        "TikTok",
        "© Anna Becker",
        "Made with KineMaster",
        "PREVIEW",
        "Trial Version",
    ],
)
def test_watermarks_say_where_they_are_from(line: str) -> None:
    assert says_source(line)


@pytest.mark.parametrize(
    "line",
    [
        "BAKERY",
        "City Hotel",
        "OPEN 24h",
        "Platform 4",
        "stock exchange",
        "ICE CREAM",
        "No. 12",
        "2 @ 5.99",
        "Company Ltd",
        "preview of the new season",
        "01:00:00:05",
        "",
    ],
)
def test_signs_of_a_scene_do_not(line: str) -> None:
    assert not says_source(line)
