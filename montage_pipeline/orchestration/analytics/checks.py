"""What is checked of all days at once, daily: that none is missing, that each is still the ledger
and none is behind it, and that yesterday was a day like others.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dagster as dg
from dagster import ResourceParam

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.analytics.marts import FIRST_DAY, asset_key, check_result
from montage_pipeline.requests.analytics.views import COST_BY_DAY, VIEWS

_FRESH = timedelta(hours=2)
"""Days that changed within it are not held against the ledger: they are written anew soon."""

_LOOK_BACK = timedelta(days=8)
"""A schedule that somebody stopped is noticed within a day; a week of it is told of."""

_ASSET = asset_key(COST_BY_DAY)


@dg.asset_check(
    asset=_ASSET,
    name="no_day_missing",
    description="Every view has a file for every day from the first row on.",
)
def no_day_missing(services: ResourceParam[Services]) -> dg.AssetCheckResult:
    """Fails with the days of each view that have none."""
    from montage_pipeline.costs.marts import days_between, first_day, stored_days, today

    first = first_day(services.engine)
    wanted = days_between(first, today() - timedelta(days=1)) if first else []
    problems = [
        f"{view.name} has no file for {', '.join(map(str, missing))}: materialise those partitions."
        for view in VIEWS
        if (missing := sorted({*wanted} - {*stored_days(services.store, view)}))
    ]
    if first and first < FIRST_DAY:
        problems.append(f"The ledger begins on {first}, before the first partition, {FIRST_DAY}.")
    return check_result(_ASSET, "no_day_missing", problems, {"days": len(wanted)})


@dg.asset_check(
    asset=_ASSET,
    name="every_day_agrees",
    description="Every file of every view still comes to what the ledger's rows do.",
)
def every_day_agrees(services: ResourceParam[Services]) -> dg.AssetCheckResult:
    """Fails with each day of each view that does not."""
    from montage_pipeline.costs.mart_checks import differences, is_whole, ledger_sums
    from montage_pipeline.costs.marts import last_changes, read_days, stored_days

    fresh = {*last_changes(services.engine, datetime.now(UTC) - _FRESH)}
    problems: list[str] = []
    count = 0
    for view in filter(is_whole, VIEWS):
        settled = [day for day in stored_days(services.store, view) if day not in fresh]
        count += len(settled)
        if not settled:
            continue
        stored = {
            read.day: read.sums["cost_usd"] for read in read_days(services.store, view, settled)
        }
        with services.engine.connect() as connection:
            ledger = ledger_sums(connection, view, settled[0], settled[-1]) or {}
        problems += differences(view, stored, {day: ledger.get(day, Decimal(0)) for day in stored})
    return check_result(_ASSET, "every_day_agrees", problems, {"files": count})


@dg.asset_check(
    asset=_ASSET,
    name="spend_within_bounds",
    description="Yesterday, and today so far, cost what days cost in the four weeks before.",
)
def spend_within_bounds(services: ResourceParam[Services]) -> dg.AssetCheckResult:
    """Warns with what is unusual."""
    from montage_pipeline.costs.marts import today

    problems = unusual_days(services, today())
    return check_result(
        _ASSET, "spend_within_bounds", problems, {}, severity=dg.AssetCheckSeverity.WARN
    )


def unusual_days(services: Services, until: date) -> list[str]:
    """A sentence on the day before `until`, and on `until` so far, if there is anything to say."""
    from montage_pipeline.costs.mart_checks import USUAL_DAYS, Spend, spend_by_day, unusual
    from montage_pipeline.costs.marts import days_between

    yesterday = until - timedelta(days=1)
    first = yesterday - timedelta(days=USUAL_DAYS)
    with services.engine.connect() as connection:
        spend = spend_by_day(connection, first, until)
    # A day on which nothing happened is a day all the same, once the product is in use.
    begun = min(spend, default=until)
    nothing = Spend(Decimal(0), 0)
    before = [
        spend.get(day, nothing)
        for day in days_between(max(first, begun), yesterday - timedelta(days=1))
    ]
    found = [unusual(yesterday, spend.get(yesterday, nothing), before)]
    so_far = spend.get(until, nothing)
    # A day that has not ended cannot have cost too little.
    found.append(unusual(until, so_far._replace(requests=0), before))
    return [sentence for sentence in found if sentence]


@dg.asset_check(
    asset=_ASSET,
    name="files_are_fresh",
    description="What the ledger said two hours ago is in the files.",
)
def files_are_fresh(services: ResourceParam[Services]) -> dg.AssetCheckResult:
    """Fails with each day of each view that changed after its file was written."""
    problems = stale_files(services, datetime.now(UTC))
    return check_result(_ASSET, "files_are_fresh", problems, {})


def stale_files(services: Services, now: datetime) -> list[str]:
    """A sentence on each file that is older than what it shows."""
    from montage_pipeline.costs.marts import last_changes, written_days

    changes = {
        day: changed_at
        for day, changed_at in last_changes(services.engine, now - _LOOK_BACK).items()
        if changed_at < now - _FRESH and day >= FIRST_DAY
    }
    problems: list[str] = []
    for view in VIEWS:
        written = written_days(services.store, view)
        problems += [
            f"{view.name} of {day} was written at {written[day]:%d %b %H:%M}, the ledger changed "
            f"at {changed_at:%d %b %H:%M} (UTC): is the schedule hourly_cost_reports on?"
            for day, changed_at in changes.items()
            if day in written and written[day] < changed_at
        ]
    return problems


@dg.asset_check(
    asset=_ASSET,
    name="volume_within_bounds",
    description="Yesterday's requests made as many paid calls as requests do.",
)
def volume_within_bounds(services: ResourceParam[Services]) -> dg.AssetCheckResult:
    """Warns with what is unusual."""
    from montage_pipeline.costs.mart_checks import USUAL_DAYS, Volume, unusual_volume, volume_by_day
    from montage_pipeline.costs.marts import today

    yesterday = today() - timedelta(days=1)
    first = yesterday - timedelta(days=USUAL_DAYS)
    with services.engine.connect() as connection:
        volumes = volume_by_day(connection, first, yesterday)
    volume = volumes.pop(yesterday, Volume(0, 0))
    told = unusual_volume(yesterday, volume, list(volumes.values()))
    return check_result(
        _ASSET,
        "volume_within_bounds",
        [told] if told else [],
        {"calls": volume.calls, "requests": volume.requests},
        severity=dg.AssetCheckSeverity.WARN,
    )


CHECKS = [
    no_day_missing,
    every_day_agrees,
    files_are_fresh,
    spend_within_bounds,
    volume_within_bounds,
]
