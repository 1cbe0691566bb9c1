"""Erase a person: what waits for them is dropped, their requests are deleted, results lose their name (DESIGN §7).

Short transactions all the way, so that the queue never has to wait. Cut off half-way, it is simply run again.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import msgspec
from django.db import connection, transaction
from django.utils.translation import gettext as _

from lumo.deliveries import ids
from lumo.lib import clock
from lumo.lib.errors import NotPossibleError

_DAY = timedelta(days=1)
_LINE_USER_ID = re.compile(r"U[0-9a-f]{32}")

_OLDEST = "SELECT min(id) FROM {table}"
_LINE_USERS = """
    SELECT DISTINCT line_user_id FROM {table}
    WHERE workspace_id = %(workspace)s AND id >= %(first)s AND id < %(end)s
        AND profile = %(person)s AND line_user_id <> ''
"""
_WAITING = """
    DELETE FROM {table} w USING official_accounts account
    WHERE account.id = w.account_id AND account.workspace_id = %(workspace)s AND {whose}
"""
_WAITING_WHOSE = {
    "line_user": "w.line_user_id = %(person)s",
    "profile": "w.request_id IN (SELECT id FROM flow_requests r WHERE r.id = w.request_id AND r.profile = %(person)s)",
}
_REQUESTS = """
    DELETE FROM flow_requests
    WHERE workspace_id = %(workspace)s AND id >= %(first)s AND id < %(end)s
        AND ({column} = %(person)s OR position(%(quoted)s::bytea IN body) > 0)
"""
_DELIVERIES = """
    UPDATE deliveries SET line_user_id = '', profile = ''
    WHERE workspace_id = %(workspace)s AND id >= %(first)s AND id < %(end)s AND {column} = %(person)s
"""
_OF_THEM = """
    account.id = account_id AND workspace_id = %(workspace)s AND line_user_id = ANY(%(line_users)s)
"""
# Who blocked an account or said no to messages is remembered for exactly that, without a name.
_FRIENDS_TO_FORGET = f"""
    DELETE FROM friends USING official_accounts account
    WHERE {_OF_THEM} AND state <> 'blocked' AND consent IS DISTINCT FROM false
"""
_FRIENDS_TO_REMEMBER = f"UPDATE friends SET display_name = '' FROM official_accounts account WHERE {_OF_THEM}"


class Person(msgspec.Struct, frozen=True):
    """Who is to be erased: by LINE user id, or by the id of the Klaviyo profile."""

    kind: Literal["line_user", "profile"]
    id: str

    @property
    def column(self) -> str:
        return "line_user_id" if self.kind == "line_user" else "profile"


class Erased(msgspec.Struct):
    """How many rows went or lost their name. A friend's block or “no” to messages is kept, so that it still counts."""

    waiting: int = 0
    requests: int = 0
    deliveries: int = 0
    friends: int = 0


def line_user(line_user_id: str) -> Person:
    """The person with this LINE user id. Raises NotPossibleError when it can't be one."""
    if not _LINE_USER_ID.fullmatch(line_user_id):
        raise NotPossibleError(_("A LINE User ID is U and 32 digits and letters from a to f."))
    return Person("line_user", line_user_id)


def profile(profile_id: str) -> Person:
    """The person whose Klaviyo profile has this id. Raises NotPossibleError when it is empty."""
    if not profile_id.strip():
        raise NotPossibleError(_("The id of the Klaviyo profile is empty."))
    return Person("profile", profile_id.strip())


def erase(workspace_id: int, person: Person) -> Erased:
    """Erase a person from one workspace.

    A message that a worker has in hand at this moment may still go out; its result is not kept. By profile, the
    friends are those that its requests and results name.
    """
    parameters = {"workspace": workspace_id, "person": person.id, "quoted": f'"{person.id}"'.encode()}
    line_users = [person.id] if person.kind == "line_user" else _find_line_users(parameters)
    erased = Erased(waiting=_drop_waiting(person, parameters))
    # Before the rows that tell who they are: cut off half-way, the next run finds them again.
    erased.friends = _forget_friends(parameters | {"line_users": line_users})
    for span in _days("flow_requests"):
        erased.requests += _run(_REQUESTS.format(column=person.column), parameters | span)
    for span in _days("deliveries"):
        erased.deliveries += _run(_DELIVERIES.format(column=person.column), parameters | span)
    return erased


def _find_line_users(parameters: dict[str, Any]) -> list[str]:
    found: set[str] = set()
    for table in ("flow_requests", "deliveries"):
        for span in _days(table):
            with connection.cursor() as cursor:
                cursor.execute(_LINE_USERS.format(table=table), parameters | span)
                found.update(row[0] for row in cursor.fetchall())
    return sorted(found)


@transaction.atomic
def _drop_waiting(person: Person, parameters: dict[str, Any]) -> int:
    whose = _WAITING_WHOSE[person.kind]
    return sum(_run(_WAITING.format(table=table, whose=whose), parameters) for table in ("queue", "retries"))


@transaction.atomic
def _forget_friends(parameters: dict[str, Any]) -> int:
    return sum(_run(statement, parameters) for statement in (_FRIENDS_TO_FORGET, _FRIENDS_TO_REMEMBER))


def _days(table: str) -> Iterator[dict[str, Any]]:
    """The ids of a table, in ranges of a day each, from its oldest row to now."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST.format(table=table))
        [oldest] = cursor.fetchone()
    if oldest is None:
        return
    begins_at, now = ids.stored_at(oldest), clock.now()
    while begins_at <= now:
        yield {"first": ids.first_id_at(begins_at), "end": ids.first_id_at(begins_at + _DAY)}
        begins_at += _DAY


def _run(statement: str, parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
