"""Rows for the access matrix, generated from the catalogue, so that a new table is in the matrix as well."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from attrs import frozen
from psycopg import sql

from ..records.mapping import SCHEMA
from ..records.tables import GLOBAL

_FITTING: Final[Mapping[str, Mapping[str, str]]] = {
    "ledger_events": {"amount_minor": "0"},
    "seals": {"hash": "\\x" + "ab" * 32, "previous_hash": "\\x" + "00" * 32},
    "vouchers": {"amount_minor": "2", "bonus_minor": "1"},
    "wallets": {"floor_minor": "0"},
}
"""Values for columns with checks that a value of the right type alone does not satisfy."""

_BY_TYPE: Final[Mapping[str, str]] = {
    "bigint": "1",
    "bit(1024)": "0",
    "boolean": "false",
    "bytea": "\\x00",
    "date": "2026-01-01",
    "integer": "1",
    "jsonb": "{}",
    "numeric": "1",
    "smallint": "1",
    "text[]": "{}",
    "timestamp with time zone": "2026-01-01 00:00:00+00",
    "xid8": "3",
}
_UNSIGNED: Final = 128 - 63
"""The bits by which an id is shifted to be a unique number that fits into a bigint."""
_ONE_OF: Final = re.compile(r"\(\(?(\w+) = ANY \(ARRAY\['([^']*)'::text")

_COLUMNS: Final = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where n.nspname = %s and c.relkind in ('r', 'p') and c.relname <> all (%s) and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum
"""
_KEYS: Final = """
select c.relname, a.attname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_index i on i.indrelid = c.oid and i.indisprimary
join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey) where n.nspname = %s
"""
_REFERENCES: Final = """
select c.relname, f.relname, a.attname, b.attname
from pg_constraint r join pg_class c on c.oid = r.conrelid join pg_class f on f.oid = r.confrelid
join pg_namespace n on n.oid = c.relnamespace, unnest(r.conkey, r.confkey) as pair (own, other)
join pg_attribute a on true join pg_attribute b on true
where r.contype = 'f' and n.nspname = %s and a.attrelid = c.oid and a.attnum = own
and b.attrelid = f.oid and b.attnum = other
"""
_CHECKS: Final = """
select c.relname, pg_get_constraintdef(r.oid)
from pg_constraint r join pg_class c on c.oid = r.conrelid join pg_namespace n on n.oid = c.relnamespace
where r.contype = 'c' and n.nspname = %s
"""


@frozen
class Owner:
    """The operator and the tenant of a row."""

    operator_id: UUID
    tenant_id: UUID


@frozen
class TableShape:
    """A table in the catalogue: columns with their types, key, references, and accepted texts."""

    name: str
    types: Mapping[str, str]
    required: Sequence[str]
    key: Sequence[str]
    parents: Mapping[str, tuple[str, str]]
    accepted: Mapping[str, str]

    @property
    def can_be_tried(self) -> bool:
        """Whether its rows have an owner and a primary key."""
        return {"operator_id", "tenant_id"} <= self.types.keys() and bool(self.key)

    @property
    def identifier(self) -> sql.Identifier:
        """The table's qualified name."""
        return sql.Identifier(SCHEMA, self.name)

    def row(self, owner: Owner, ids: Iterator[UUID], parents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return a new row of an owner, which refers to that owner's rows in other tables."""
        row: dict[str, Any] = {"operator_id": owner.operator_id, "tenant_id": owner.tenant_id}
        for column, (parent, its_column) in self.parents.items():
            if parent in parents:
                row.setdefault(column, parents[parent][its_column])
        for column in self.required:
            row.setdefault(column, self._value(column, next(ids)))
        if self.name == "tenants":
            row["kind"] = "OPERATOR" if owner.tenant_id == owner.operator_id else "AGENT"
        return row

    def _value(self, column: str, new_id: UUID) -> object:
        kind = self.types[column]
        if column in self.key and kind in {"bigint", "xid8"}:
            return str(new_id.int >> _UNSIGNED or 3)
        fitting = _FITTING.get(self.name, {}).get(column) or self.accepted.get(column) or _BY_TYPE.get(kind)
        if fitting is not None:
            return fitting
        return new_id if kind == "uuid" else str(new_id)

    def insert(self, row: Mapping[str, Any]) -> sql.Composed:
        """Return the INSERT of a row; its parameters are named after the columns."""
        values = [sql.SQL("{}::" + self.types[column]).format(sql.Placeholder(column)) for column in row]
        return sql.SQL("insert into {} ({}) values ({})").format(
            self.identifier,
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(values),
        )

    def where_key(self) -> sql.Composed:
        """Return the condition that finds one row; its parameters are named after the columns of the key."""
        parts = [sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column)) for column in self.key]
        return sql.SQL("where ") + sql.SQL(" and ").join(parts)


def shapes(connection: psycopg.Connection[Any]) -> list[TableShape]:
    """Return the tables with tenants. A table comes after the tables that it refers to."""
    types: dict[str, dict[str, str]] = {}
    required: dict[str, list[str]] = {}
    for table, column, kind, not_null, has_default in connection.execute(_COLUMNS, (SCHEMA, sorted(GLOBAL))):
        types.setdefault(table, {})[column] = kind
        if not_null and not has_default:
            required.setdefault(table, []).append(column)
    keys: dict[str, list[str]] = {}
    for table, column in connection.execute(_KEYS, (SCHEMA,)):
        keys.setdefault(table, []).append(column)
    parents: dict[str, dict[str, tuple[str, str]]] = {}
    for table, parent, column, its_column in connection.execute(_REFERENCES, (SCHEMA,)):
        parents.setdefault(table, {})[column] = (parent, its_column)
    accepted: dict[str, dict[str, str]] = {}
    for table, check in connection.execute(_CHECKS, (SCHEMA,)):
        accepted.setdefault(table, {}).update(_ONE_OF.findall(check))
    made = [
        TableShape(
            name,
            types[name],
            required.get(name, []),
            keys.get(name, []),
            parents.get(name, {}),
            accepted.get(name, {}),
        )
        for name in types
    ]
    return _in_order(made)


def _in_order(tables: Sequence[TableShape]) -> list[TableShape]:
    ordered: list[TableShape] = []
    left = list(tables)
    while left:
        waiting = {table.name for table in left}
        ready = [
            t for t in left if not ({parent for parent, _ in t.parents.values()} & waiting) - {t.name}
        ] or left
        ordered += ready
        left = [table for table in left if table not in ready]
    return ordered
