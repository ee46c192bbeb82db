"""Query parameters that a route does not know are refused: a misspelt one is not passed over."""

from fastapi import Request
from fastapi.routing import APIRoute

from montage_pipeline.api.errors import FieldProblem, validation_error

_MAX_SHOWN_CHARS = 100


async def refuse_unknown_params(request: Request) -> None:
    """422 naming what the route does not know."""
    route = request.scope.get("route")
    params = route.dependant.query_params if isinstance(route, APIRoute) else []
    known = {param.alias for param in params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        hint = f"; this path knows {', '.join(sorted(known))}" if known else ""
        raise validation_error(
            [
                FieldProblem(field=name[:_MAX_SHOWN_CHARS], message=f"is not known{hint}")
                for name in unknown
            ]
        )
