"""A form built from the options offers only what is accepted."""

from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.api.contract import ApiClient


def test_every_choice_offered_is_accepted(client: ApiClient) -> None:
    options = client.get("/api/options").json()
    assert [style["name"] for style in options["styles"]] == list(STYLES)
    assert [shape["name"] for shape in options["formats"]] == list(Format)

    schema = client.app.openapi()["components"]["schemas"]["NewContentItemBody"]["properties"]
    limits = options["limits"]
    assert limits["minDurationSec"] == schema["durationSec"]["minimum"]
    assert limits["maxDurationSec"] == schema["durationSec"]["maximum"]
    assert limits["maxClips"] == schema["clipUrls"]["maxItems"]
