"""What a file says beside a frame: its orientation, its projection, its colours."""

from typing import TYPE_CHECKING, cast

from av.frame import Frame
from av.sidedata.sidedata import SideDataContainer

if TYPE_CHECKING:
    from typing_extensions import Buffer


def side_data(frame: Frame, kind: str) -> bytes | None:
    """What is said of that kind, as FFmpeg lays it out (`AVFrameSideDataType` without its prefix);
    None where nothing is.

    Not by `frame.side_data`: the frame and that would hold each other, and hundreds of frames stay
    in memory, 12 MB each in 4K, until Python looks for such circles.
    """
    # The stubs name neither the constructor nor what it is made of.
    found = SideDataContainer(frame).get(kind)  # type: ignore[call-arg]
    return None if found is None else bytes(cast("Buffer", found))
