"""Structured logs: context first (request, user, run, asset), then the event; secrets never.

`configure(settings)` once per process, `bind(...)` for the context of what is being done, and
`get_logger(__name__)` wherever something is worth logging. Events are snake_case.
"""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TextIO, cast

import structlog

from montage_pipeline.addresses import hide_internal
from montage_pipeline.settings import Settings

_CONTEXT = ("request_id", "content_item_id", "user_id", "run_id", "asset")
_SHOWN_CHARS = 8
"""Of each on the console: enough to tell ids apart, short enough for one line."""

_LIBRARIES = "montage-libraries"
"""Name of the handler for what libraries log."""

_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers that write lines of their own until they are told not to."""

_DAGSTER = ("dagster", "dagster-webserver")
"""Loggers that Dagster's programs write lines of, in the form that their option names."""

_SECRET_NAME = re.compile(
    r"(api_?key|secret|password|passwd|authorization|bearer|(^|_)token($|_))", re.IGNORECASE
)
_SECRET_TEXT = (
    # Every query: that of a presigned URL is as good as a password until it expires, and each
    # service calls its signature something else.
    (re.compile(r"(\b[a-zA-Z][\w+.-]*://[^\s?#\"'<>]+)[?#][^\s\"'<>]*"), r"\1?[hidden]"),
    (re.compile(r"(\w+://[^\s:/@]+):[^\s/@]+@"), r"\1:[hidden]@"),
    (re.compile(r"\b(Bearer|Key)\s+[A-Za-z0-9._:\-]{8,}"), r"\1 [hidden]"),
    (re.compile(r"\bsk-[A-Za-z0-9_\-]{8,}"), "[hidden]"),
)


def hide_secrets(text: str) -> str:
    """The text without keys, passwords and signatures in it."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def for_users(text: str) -> str:
    """The text as people outside may read it: without secrets, and without addresses of our own
    network.
    """
    return hide_internal(hide_secrets(text))


def redacted(error: BaseException) -> Exception:
    """A copy of an error with everything that led to it, for those who store tracebacks: the same
    names, places and words, without the secrets in them.
    """
    copies: list[Exception] = []
    seen: set[int] = set()  # a chain may come back to where it was
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        copies.append(_copy_without_secrets(link))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)

    for copy, before in pairwise(copies):
        copy.__cause__ = before
    return copies[0]


def _copy_without_secrets(error: BaseException) -> Exception:
    said = hide_secrets(str(error))
    copy: Exception = type(type(error).__name__, (Exception,), {"__module__": "redacted"})(said)
    copy.with_traceback(error.__traceback__)
    copy.__suppress_context__ = True
    return copy


def _without_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    def clean(name: str, value: Any) -> Any:
        if _SECRET_NAME.search(name):
            return "[hidden]"
        if isinstance(value, str):
            return hide_secrets(value)
        if isinstance(value, dict):
            return {key: clean(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [clean("", inner) for inner in value]
        return value

    return {name: clean(name, value) for name, value in event.items()}


def _context_first(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    first = {
        name: event[name] for name in ("timestamp", "level", *_CONTEXT, "event") if name in event
    }
    return first | {name: value for name, value in event.items() if name not in first}


def _console_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """`time level [context] event  facts`, with the trace below."""
    context = " ".join(
        f"{name.removesuffix('_id')}={str(event.pop(name))[:_SHOWN_CHARS]}"
        for name in _CONTEXT
        if event.get(name)
    )
    timestamp, level = event.pop("timestamp", ""), event.pop("level", "info")
    name, trace = event.pop("event", ""), event.pop("exception", None)
    facts = " ".join(f"{fact}={value}" for fact, value in event.items())

    line = f"{timestamp} {level:<7} "
    line += f"[{context}] {name}" if context else name
    line += f"  {facts}" if facts else ""
    return f"{line}\n{trace}" if trace else line


class _Stderr:
    """Whatever stderr is when a line is written: the one of the beginning may be closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def in_json(settings: Settings) -> bool:
    """Whether lines are JSON: where nobody reads them as they come."""
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"


def configure(settings: Settings, *, in_dagsters_program: bool = False) -> None:
    """Send structured logs to stderr, in the format and from the level of the settings; in JSON,
    what libraries log too.

    One of Dagster's programs, whose own lines are its option's business, says so when it has yet to
    give them a handler.
    """
    console = not in_json(settings)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
        structlog.processors.format_exc_info,
        _without_secrets,
        _context_first,
    ]
    renderer: Any = _console_line if console else structlog.processors.JSONRenderer(default=str)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=False,
    )
    if not console:
        _take_in_libraries(shared, renderer)
        for name in _DAGSTER:
            logger = logging.getLogger(name)
            # Else each of its lines would be there twice.
            logger.propagate = not (logger.handlers or in_dagsters_program)


def _take_in_libraries(shared: list[Any], renderer: Any) -> None:
    """Let what goes through Python's own logging come out as our lines do."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _with_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(cast(TextIO, _Stderr()))
    handler.set_name(_LIBRARIES)
    handler.setFormatter(formatter)

    root = logging.getLogger()
    for other in [known for known in root.handlers if known.get_name() == _LIBRARIES]:
        root.removeHandler(other)
    root.addHandler(handler)
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _with_logger_name(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    record = event.get("_record")
    return event if record is None else {**event, "module": record.name}


def get_logger(name: str) -> Any:
    """The logger of a module."""
    return structlog.get_logger(module=name)


@contextmanager
def bind(**context: Any) -> Iterator[None]:
    """Put context in front of every event logged inside the block; None is left out."""
    with structlog.contextvars.bound_contextvars(
        **{name: value for name, value in context.items() if value is not None}
    ):
        yield
