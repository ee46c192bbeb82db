"""Choosing one variant of a plan: which plan an item has, and asking for its render once."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.plans import planned_request
from montage_pipeline.requests.tables import MontageRequestRow
from montage_pipeline.requests.variants.model import ChosenPlan
from montage_pipeline.vocabulary import ContentStatus, Format, RequestState

_STANDS = (RequestState.QUEUED, RequestState.RUNNING, RequestState.SUCCEEDED)


@dataclass(frozen=True)
class Choice:
    """One variant of a plan, and what it is to be rendered as."""

    plan: ChosenPlan
    preview: bool = False
    formats: tuple[Format, ...] = ()


def plan_of_item(engine: Engine, content_item_id: UUID) -> UUID | None:
    """The request that planned what the item shows now; None before there is a plan."""
    request_id = planned_request(engine, content_item_id)
    return None if request_id is None else plan_of_request(engine, request_id)


def plan_of_request(engine: Engine, request_id: UUID) -> UUID:
    """The request that made the plan of this one: itself, unless it renders another's."""
    query = select(MontageRequestRow.plan_request_id).where(MontageRequestRow.id == request_id)
    with Session(engine) as session:
        return session.scalar(query) or request_id


def chosen_variant(engine: Engine, plan_request_id: UUID) -> int | None:
    """The variant of the plan that was chosen last; None where none was, or it came to nothing."""
    query = (
        select(MontageRequestRow.variant)
        .where(
            MontageRequestRow.plan_request_id == plan_request_id,
            MontageRequestRow.state.in_(_STANDS),
        )
        .order_by(MontageRequestRow.created_at.desc(), MontageRequestRow.id)
        .limit(1)
    )
    with Session(engine) as session:
        return session.scalar(query)


class PlanChooser:
    """Asks for the render of a variant; the same choice made again is the same request."""

    def __init__(self, engine: Engine, library: ContentLibrary) -> None:
        self._engine = engine
        self._library = library

    def choose(
        self,
        user_id: UUID,
        content_item_id: UUID,
        choice: Choice,
        *,
        idempotency_key: str | None = None,
        max_under_way: int = 0,
    ) -> CreatedRequest:
        """Queue the request that renders the choice, with the wishes of its plan; or give the
        newest request of the item, if that is this choice and did not fail.

        Raises what `ContentLibrary.request_again` raises.
        """
        options = self._options(choice)
        if standing := self._standing(user_id, content_item_id, choice, options):
            return standing
        try:
            return self._library.request_again(
                user_id,
                content_item_id,
                options,
                chosen=choice.plan,
                idempotency_key=idempotency_key,
                max_under_way=max_under_way,
            )
        except PermanentError as error:
            # Two clicks at the same time: the second one answers what the first stored.
            standing = self._standing(user_id, content_item_id, choice, options)
            if error.code is not ErrorCode.ALREADY_GENERATING or standing is None:
                raise
            return standing

    def _options(self, choice: Choice) -> MontageOptions:
        query = select(MontageRequestRow.options).where(
            MontageRequestRow.id == choice.plan.request_id
        )
        with Session(self._engine) as session:
            planned = MontageOptions.model_validate(session.scalar(query) or {})
        changes = {
            "plan_only": False,
            "variants": 1,
            "preview": choice.preview,
            "formats": choice.formats,
        }
        return planned.model_copy(update=changes)

    def _standing(
        self, user_id: UUID, content_item_id: UUID, choice: Choice, options: MontageOptions
    ) -> CreatedRequest | None:
        with Session(self._engine) as session:
            newest = session.scalar(_newest(user_id, content_item_id))
        if (
            newest is None
            or newest.state not in _STANDS
            or newest.plan_request_id != choice.plan.request_id
            or newest.variant != choice.plan.variant
            or newest.options != options.stored()
        ):
            return None
        return CreatedRequest(
            content_item_id=content_item_id,
            request_id=newest.id,
            partition_key=newest.partition_key,
            status=ContentStatus.GENERATING,
            replayed=True,
        )


def _newest(user_id: UUID, content_item_id: UUID) -> Select[MontageRequestRow]:
    query = select(MontageRequestRow).where(
        MontageRequestRow.user_id == user_id,
        MontageRequestRow.content_item_id == content_item_id,
    )
    return query.order_by(MontageRequestRow.created_at.desc(), MontageRequestRow.id).limit(1)
