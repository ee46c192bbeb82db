"""The tables of the frontier, and whether the code has the best settings."""

from benchmarks.render.frontier import TARGETS, TIE, TOO_SLOW, Frontier, Trial
from benchmarks.report import table

_HEAD = (
    "VMAF: Reel",
    "sharp frames",
    "processor s",
    "wall s",
    "Mbit/s: Reel",
    "sharp frames",
    "worst second Mbit/s",
)


def text(frontier: Frontier, every: int) -> str:
    """The table, the profiles, and whether the code has them."""
    rows = [
        [f"{target:.0f}: {trial.name}", *_figures(trial)]
        for quality, target in TARGETS.items()
        for trial in sorted(frontier.trials[quality], key=lambda tried: tried.usage.cpu_s)
    ]
    by_quality = (
        table(("VMAF to reach: setting", *_HEAD), rows)
        + "\nThe fastest for each profile, on all frames, and what the code has:\n\n"
    )
    chosen = [
        [f"{label}: {trial.name}", *_figures(trial)]
        for quality, here in frontier.in_code.items()
        for label, trial in (
            (quality, frontier.winners.get(quality)),
            (f"{quality}, in the code", here),
        )
        if trial is not None
    ]
    searched = "all segments" if every == 1 else f"every {every}th segment"
    slow = (
        f"Ways that take more than {TOO_SLOW:g} times as long as the fastest were tried once, "
        "for the lowest quality, and not followed."
    )
    return (
        f"Searched on {searched}. {slow}\n\n"
        + by_quality
        + table(("profile", *_HEAD), chosen)
        + "\n"
        + _verdict(frontier)
    )


def _figures(trial: Trial) -> list[str]:
    vmafs, rates = [f"{vmaf:.2f}" for vmaf in trial.vmafs], [f"{mbps:.1f}" for mbps in trial.mbps]
    return [
        *vmafs,
        f"{trial.usage.cpu_s:.1f}",
        f"{trial.usage.wall_s:.1f}",
        *rates,
        f"{trial.worst_second_mbps:.1f}",
    ]


def _verdict(frontier: Frontier) -> str:
    differing, kept = [], []
    for quality, here in frontier.in_code.items():
        winner = frontier.winners.get(quality)
        if winner is None:
            differing.append(
                f"**{quality}: no setting that was tried reaches VMAF {TARGETS[quality]:.0f}; "
                f"the code has {here.name}.**"
            )
        elif (
            here.reaches(TARGETS[quality])
            and here.usage.cpu_s <= winner.usage.cpu_s * TIE
            and sum(here.mbps) <= sum(winner.mbps)
        ):
            kept.append(quality)
        else:
            differing.append(
                f"**{quality}: the code has {here.name}, measured best is {winner.name}.**"
            )
    reached = (
        f"On all frames the code's settings for {', '.join(kept)} reach their VMAF, "
        "and none that does is faster or smaller."
        if kept
        else ""
    )
    return "\n\n".join([*differing, *([reached] if reached else [])]) + "\n"
