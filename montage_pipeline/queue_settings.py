"""What starts when and where, and what is kept for how long. A part of `Settings`."""

from pydantic import BaseModel, Field, SecretStr


class QueueSettings(BaseModel):
    """The queue of requests, and what finished ones leave behind."""

    sensor_interval_s: int = Field(
        1,
        ge=1,
        description="Minimum polling interval for queued requests, in seconds. A new request wakes "
        "the daemon at once; it looks by itself every 5 s, in case that was missed.",
    )
    celery_broker_url: SecretStr = Field(
        SecretStr(""),
        description="Broker of the Celery launcher (deploy/dagster-celery.yaml), with its "
        "password: `redis://…`. Unset: runs are made on the machine of the code server.",
    )
    max_running: int = Field(
        2,
        ge=0,
        description="Maximum requests that run at once, on all machines; 0: no limit. One render "
        "uses every core of its machine.",
    )
    max_running_per_user: int = Field(
        2, ge=0, description="Maximum requests of one user that run at once; 0: no limit."
    )
    partition_retention_days: int = Field(
        30,
        ge=1,
        description="Days after which a finished request loses its Dagster partition; its row "
        "stays.",
    )
    partition_max: int = Field(
        20_000,
        ge=1,
        description="Finished requests beyond so many lose their Dagster partition earlier, the "
        "oldest first: Dagster's pages read every key there is.",
    )
    history_retention_days: int = Field(
        60,
        ge=1,
        description="Days after which Dagster forgets a run that is over, with its events and "
        "logs; the request's row stays.",
    )
    work_retention_days: int = Field(
        0,
        ge=0,
        description="Days after which the object store removes what a request's steps made "
        "(`work/`); 0: never. Edits, storyboards and plans of older Reels cannot be opened any "
        "more; the Reels stay. `montage migrate` tells the store.",
    )
