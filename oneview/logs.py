"""Structured logs on standard error, one line an event. Never message text, names or addresses: ids."""

import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

LONGEST_REASON = 200


def configure(*, level: str, console: bool) -> dict[str, Any]:
    """Sets structlog up and returns Django's LOGGING; `console` writes for people, else JSON."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=True),
        drop_query,
        structlog.processors.ExceptionRenderer(format_exception),
    ]
    renderer: list[Processor] = [
        structlog.dev.ConsoleRenderer(colors=False) if console else structlog.processors.JSONRenderer()
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    }
    through_root: dict[str, Any] = {"handlers": [], "propagate": True}
    chatty = ("uvicorn.access", "celery.beat", "celery.worker.strategy", "celery.worker.request", "celery.app.trace")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stream"], "level": level},
        "loggers": {
            "django": through_root,
            "django.server": through_root,
            "uvicorn": through_root,
            "uvicorn.error": through_root,
            "celery": through_root,
            "django_structlog": {"level": "WARNING" if console else level},
            **{name: {"level": "WARNING"} for name in chatty},
        },
    }


def format_exception(exc_info: ExcInfo) -> str:
    """Where it happened and the first line of why: no values of variables, none of the rows a database error quotes."""
    kind, error, frames = exc_info
    reason = (str(error).splitlines() or [""])[0][:LONGEST_REASON]
    return "".join([*traceback.format_tb(frames), f"{kind.__module__}.{kind.__qualname__}: {reason}"])


def drop_query(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Searches and tokens stand behind the question mark of an address."""
    if isinstance(request := event.get("request"), str):
        event["request"] = request.partition("?")[0]
    return event
