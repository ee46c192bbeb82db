"""What a run measured of the Reel it made, on the request's row: runs do not live to tell it."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.records import Record
from montage_pipeline.requests.tables import MontageRequestRow


class RunMeasures(Record):
    """Of the newest render. `render_speed`: seconds of Reel by second of rendering."""

    chunks: int = Field(ge=0)
    chunks_reused: int = Field(ge=0)
    render_speed: float = Field(ge=0)


def note_measures(engine: Engine, request_id: UUID, run_id: str, measures: RunMeasures) -> None:
    """Keep them, unless the request is another run's by now."""
    with Session(engine) as session, session.begin():
        session.execute(
            update(MontageRequestRow)
            .where(MontageRequestRow.id == request_id, MontageRequestRow.run_id == run_id)
            .values(measures=measures.model_dump(mode="json"))
        )
