"""What FFmpeg is told to take the view of a 3D or 360° clip from its whole frames.

It shows what `footage.decoding.plain` gives to whoever looks at single frames.
Belongs here: the filters for one `View`. Does not belong here: which view a clip gets
(footage.probing.geometry).
"""

from montage_pipeline.footage.model import Sphere, View
from montage_pipeline.footage.probing.geometry import window_deg, window_side


def view_filters(view: View) -> list[str]:
    """From frames as stored to frames of the clip's coded size."""
    width, height = view.stored_width, view.stored_height
    filters = []
    if view.eye == "left":
        width //= 2
    elif view.eye == "upper":
        height //= 2
    if view.eye is not None:
        filters.append(f"crop={width}:{height}:0:0:exact=1")
    if view.sphere is not None:
        filters += _flat_view(view.sphere, width, height)
    return filters


def _flat_view(sphere: Sphere, width: int, height: int) -> list[str]:
    """A window straight ahead into an equirectangular frame of this size."""
    # v360 takes what is straight ahead to lie in the middle: elsewhere the narrower side is padded.
    half_across = max(sphere.left_deg, sphere.right_deg)
    half_down = max(sphere.up_deg, sphere.down_deg)
    across_px = width / (sphere.left_deg + sphere.right_deg)
    down_px = height / (sphere.up_deg + sphere.down_deg)
    whole = round(2 * half_across * across_px), round(2 * half_down * down_px)
    at_x = round((half_across - sphere.left_deg) * across_px)
    at_y = round((half_down - sphere.up_deg) * down_px)

    side, angle = window_side(sphere, width), window_deg(sphere)
    shown = f"output=flat:h_fov={angle:.6f}:v_fov={angle:.6f}:w={side}:h={side}:interp=cubic"
    seen = f"input=equirect:ih_fov={2 * half_across:.6f}:iv_fov={2 * half_down:.6f}"
    padded = [] if whole == (width, height) else [f"pad={whole[0]}:{whole[1]}:{at_x}:{at_y}"]
    return [*padded, f"v360={seen}:{shown}"]
