"""Dagster's daemon and code server, made quick: a request starts when it is asked for, and its run
in a process that has everything imported.

    python -m montage_pipeline.orchestration.servers.daemon -w workspace.yaml
    python -m montage_pipeline.orchestration.servers.code_server api grpc -m …

Both are Dagster's own commands with all of their options, and do without what is added here: the
daemon then looks by the clock alone, and each run imports for itself. `liveness` is the daemon's
health check. Begin reading at `daemon`.

Belongs here: when Dagster's loops turn, and from what a run's process is made. Does not belong
here: what the sensors do.
"""
