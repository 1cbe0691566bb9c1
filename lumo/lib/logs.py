"""Logs: one JSON object a line on standard error, times in UTC. Secrets and message bodies are never logged."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer

# What any stranger's request may cause is no news: no HTTP at all, an unknown address or host.
_QUIET = {
    "uvicorn.error": logging.ERROR,
    "django.request": logging.ERROR,
    "django.security.DisallowedHost": logging.CRITICAL,
}


def configure_logs(process: str) -> None:
    """Send structlog and the standard library's loggers (warnings and above) to standard error as JSON."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    handler = logging.StreamHandler(sys.stderr)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = [
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),  # they hold secrets
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.getLogger().handlers = [handler]
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[*shared, *render],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A structured logger whose lines carry `module=name`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=name)
    return logger
