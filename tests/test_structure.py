"""Plain SQL names only tables of its own folder or of lower ones (DESIGN §3), as imports do."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.apps import apps

from lumo.postgres.jobs import install_sql

ROOT = Path(__file__).resolve().parent.parent
# A table follows one of these words. They are upper case in our SQL, so that prose is not taken for it.
_NAMED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|USING|REFERENCES)\s+(?:ONLY\s+)?([a-z_]+)")
_MADE = re.compile(r"CREATE (?:UNLOGGED )?TABLE (\w+)")
MADE_UP = {"friends": "accounts", "deliveries": "deliveries", "flow_requests": "deliveries", "refusal_counts": "flows"}


def test_plain_sql_names_no_table_of_a_higher_folder() -> None:
    owners = find_owners()
    sources = [path for path in sorted((ROOT / "lumo").glob("*/**/*.py")) if "tests" not in path.parts]
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {table} belongs to {owners[table]}"
        for path in sources
        for line, table in find_faults(path.read_text(), folder=folder_of(path), owners=owners)
    ]
    assert faults == []


def test_every_table_has_a_folder() -> None:
    owners = find_owners()
    expected = {
        "workspaces": "workspaces",
        "official_accounts": "accounts",
        "friends": "accounts",
        "retired_keys": "profiles",
        "flow_requests": "deliveries",
        "rate_leases": "deliveries",
        "refusal_counts": "flows",
        "pgqueuer": "postgres",
    }
    assert owners.items() >= expected.items()
    assert set(owners.values()) <= ranks().keys()


@pytest.mark.parametrize(
    ("folder", "source", "tables"),
    [
        ("deliveries", '"SELECT 1 FROM friends"', []),
        ("deliveries", '"SELECT 1 FROM refusal_counts"', ["refusal_counts"]),
        ("accounts", '"DELETE FROM friends USING deliveries d"', ["deliveries"]),
        ("accounts", '"INSERT INTO deliveries VALUES (1)"', ["deliveries"]),
        ("accounts", '"UPDATE flow_requests SET id = 1"', ["flow_requests"]),
        ("accounts", '"CREATE TABLE x (id bigint REFERENCES deliveries)"', ["deliveries"]),
        ("accounts", '"LOCK TABLE deliveries"', ["deliveries"]),
        ("accounts", '"""SELECT 1\n  FROM\n  deliveries"""', ["deliveries"]),
        (
            "accounts",
            '"SELECT 1 FROM friends f JOIN deliveries d ON true LEFT JOIN flow_requests r ON true"',
            ["deliveries", "flow_requests"],
        ),
        ("accounts", 'f"SELECT {columns} FROM deliveries WHERE {whose}"', ["deliveries"]),
        ("accounts", '"SELECT 1 " "FROM " "deliveries"', ["deliveries"]),
        ("accounts", '"What is learnt from deliveries, and update friends"', []),
        ("accounts", '"SELECT deliveries FROM friends_of_deliveries"', []),
        ("profiles", '"SELECT 1 FROM friends"', []),
        ("catalog", '"SELECT 1 FROM klaviyo_connections"', ["klaviyo_connections"]),
        ("config", '"SELECT 1 FROM refusal_counts JOIN deliveries ON true"', []),
    ],
)
def test_a_higher_table_is_found_wherever_it_is_named(folder: str, source: str, tables: list[str]) -> None:
    owners = {**MADE_UP, "klaviyo_connections": "profiles"}
    assert [table for _, table in find_faults(f"x = {source}\n", folder=folder, owners=owners)] == tables


def find_faults(source: str, *, folder: str, owners: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Line and name of each table that the SQL of a folder may not name."""
    rank = ranks()
    for line, table in find_tables(source):
        owner = owners.get(table, folder)
        if owner != folder and rank[owner] >= rank[folder]:
            yield line, table


def find_tables(source: str) -> Iterator[tuple[int, str]]:
    """What its string constants, those within f-strings too, name as tables; with the line where the string begins."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for found in _NAMED.finditer(node.value):
                yield node.lineno, found[1]


def find_owners() -> dict[str, str]:
    """Table → folder: of the models, of the SQL in migrations, and of the job engine."""
    owners = {model._meta.db_table: model.__module__.split(".")[1] for model in apps.get_models()}
    for path in (ROOT / "lumo").glob("*/migrations/*.py"):
        owners |= dict.fromkeys(_MADE.findall(path.read_text()), folder_of(path))
    return owners | dict.fromkeys(_MADE.findall(install_sql()), "postgres")


def folder_of(path: Path) -> str:
    return path.relative_to(ROOT / "lumo").parts[0]


def ranks() -> dict[str, int]:
    """Folder → height, as import-linter's contract has it: the lowest is 0, those beside each other are equal."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers"]
    return {folder: rank for rank, layer in enumerate(reversed(layers)) for folder in re.findall(r"\w+", layer)}
