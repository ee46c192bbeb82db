"""What a Reel may be made of: the choices and limits of this installation, for any frontend."""

from fastapi import APIRouter

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import documented_errors
from montage_pipeline.api.schemas.options import OptionsOut
from montage_pipeline.api.services import ServicesNeeded

router = APIRouter(prefix="/api/options", tags=["options"])


@router.get(
    "",
    operation_id="getOptions",
    summary="Styles, formats and limits to choose within",
    responses=documented_errors(),
)
def get_options(_: CurrentUser, services: ServicesNeeded) -> OptionsOut:
    """Everything a form needs to offer only what will be accepted."""
    return OptionsOut.of(services.settings)
