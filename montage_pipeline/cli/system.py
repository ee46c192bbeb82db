"""The system that a command works with: the one that runs on this machine's home, or one of its
own for as long as the command takes.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console

from montage_pipeline.cli.interrupts import Stopped
from montage_pipeline.cli.terminal import say
from montage_pipeline.composition import Services
from montage_pipeline.local.home import make_private
from montage_pipeline.local.identity import local_jwt_secret
from montage_pipeline.settings import Settings, get_settings


def local_settings() -> Settings:
    """The settings of this machine's own installation, where clips may be files of this machine and
    tokens can be signed.
    """
    os.environ["MONTAGE_LOCAL_FILES"] = "true"
    settings = get_settings()
    make_private(settings.home)
    if not settings.jwt_secret.get_secret_value() and not settings.jwt_jwks_url:
        os.environ["MONTAGE_JWT_SECRET"] = local_jwt_secret(settings.home)
    get_settings.cache_clear()
    return get_settings()


@contextmanager
def running_system(console: Console) -> Iterator[Services]:
    """What reaches a running system: that of `montage up` if there is one, else one of our own."""
    from montage_pipeline.local.attended import cancel_abandoned
    from montage_pipeline.local.stack import LocalStack, running_stack

    def tell(line: str) -> None:
        say(console, line)

    settings = local_settings()
    running = running_stack(settings.home)
    if running is not None:
        services = _services_of(running.env)
        cancel_abandoned(settings.home, services.requests)
        yield services
        return
    stack = LocalStack(settings, with_ui=False, with_api=False)
    try:
        yield _services_of(stack.start(tell).env)
        stack.wait_until_unused(tell)
    except Stopped:
        stack.stop(at_once=True)
        raise
    finally:
        stack.stop()


@contextmanager
def running_database() -> Iterator[Services]:
    """What reaches the database, which is started for the moment if nothing runs."""
    with ExitStack() as cleanup:
        services = _database_services(get_settings(), cleanup)
        cleanup.callback(services.close)
        yield services


def _database_services(settings: Settings, cleanup: ExitStack) -> Services:
    if settings.database_url:
        return Services(settings)

    from montage_pipeline.local.address import running_stack

    running = running_stack(settings.home)
    if running is not None:
        return _services_of(running.env)

    # What starts a database is loaded only by who starts one: whoever cancels is in a hurry.
    from montage_pipeline.local.attended import cancel_abandoned
    from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
    from montage_pipeline.requests.migrate import upgrade

    server = EmbeddedPostgres(settings.home)
    server.start()
    cleanup.callback(server.stop)
    upgrade(server.dsn())
    services = _services_of({"DATABASE_URL": server.dsn()})
    cancel_abandoned(settings.home, services.requests)
    return services


def _services_of(environment: dict[str, str]) -> Services:
    """With the variables of a running system, which child processes get too."""
    os.environ.update(environment)
    get_settings.cache_clear()
    return Services(get_settings())
