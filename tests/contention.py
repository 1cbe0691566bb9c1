"""Several who want the same thing at once: all are made to wait for a lock, then let go together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg
from django.db import connections

from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings
from tests.processes import wait_until
from tests.waiting import fetch

T = TypeVar("T")

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def at_once(settings: Settings, *calls: Callable[[], T], lock: str) -> list[T | NotPossibleError]:
    """What each call returns, or is refused with, once all have come to where the statement `lock` stops them."""

    def run(call: Callable[[], T]) -> T | NotPossibleError:
        try:
            return call()
        except NotPossibleError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool, psycopg.connect(settings.database_url) as holder:
        holder.execute(lock)
        started = [pool.submit(run, call) for call in calls]
        try:
            wait_until(lambda: fetch(settings, _WAITING) == [(len(calls),)])
        finally:
            holder.rollback()
        return [one.result(20) for one in started]
