"""The base of every document the pipeline stores or hands from asset to asset.

Belongs here: the frozen pydantic base. Does not belong here: any document itself; those live in the
room that makes them.
"""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen document that refuses unknown fields, so that a stale file fails loudly."""

    model_config = ConfigDict(frozen=True, extra="forbid")
