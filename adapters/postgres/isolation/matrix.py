"""The access matrix: tables x verbs x askers, tried on the database itself.

The rows belong to invented operators, in a transaction that is rolled back. Allowed cells are checked as well as
denied ones, because a policy that denies everything would pass a test of denials.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal
from uuid import UUID

import psycopg
from attrs import define, field, frozen
from psycopg import sql

from ..admin.roles import APP, OWNER, OWNER_READ
from ..records.mapping import SCHEMA
from ..records.tables import GLOBAL, INSERT_ONLY
from .rules import IsolationFault
from .samples import Owner, TableShape, shapes

Verb = Literal["select", "insert", "update", "delete", "move"]
VERBS: Final[tuple[Verb, ...]] = ("select", "insert", "update", "delete", "move")

_BIND: Final = "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)"
_UNDO: Final = sql.SQL("rollback to savepoint cell; ")
_TEXTS: Final[Mapping[Verb, str]] = {
    "select": "select 1 from {} ",
    "update": "update {} set tenant_id = tenant_id ",
    "delete": "delete from {} ",
    "move": "update {} set operator_id = %(new_operator_id)s, tenant_id = %(new_tenant_id)s ",
}
_DENIED: Final = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)


@frozen
class Asker:
    """A caller with a role and a binding, and the owner of the row that it asks for."""

    name: str
    binding: Owner | None
    target: Owner
    receiver: Owner
    """The owner to which a move would give the row: one that the asker does not see, if there is one."""
    sees: bool = False
    role: str = APP


@define
class Matrix:
    """One run over a database."""

    connection: psycopg.Connection[Any]
    ids: Iterator[UUID]
    cells: int = field(default=0, init=False)
    findings: list[IsolationFault] = field(factory=list, init=False)
    _rows: dict[Owner, dict[str, dict[str, Any]]] = field(factory=dict, init=False)

    def run_as_app(self) -> None:
        """Try every cell of the application's login, on a connection of that login."""
        with self.connection.transaction(force_rollback=True):
            askers = _askers(self.ids)
            self._try_tables(askers)
            self._try_globals(askers[0])

    def run_as_owners(self) -> None:
        """Try the cells of the platform owner's login and of the tables' owner, on a superuser's connection."""
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("set local role playtime_app")
            self._try_tables(_owners(self.ids))

    def _try_tables(self, askers: list[Asker]) -> None:
        tables = self._samples(askers)
        for asker in askers:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(sql.SQL("set local role {}").format(sql.Identifier(asker.role)))
                self._bind(asker.binding)
                self.connection.execute("savepoint cell")
                for table in tables:
                    for verb in VERBS:
                        self._try(table, asker, verb)

    def _samples(self, askers: list[Asker]) -> list[TableShape]:
        """Write a row of every owner into every table; return the tables that accepted the rows."""
        usable = []
        owners = sorted({owner for asker in askers for owner in (asker.target, asker.receiver)}, key=_level)
        for table in shapes(self.connection):
            if not table.can_be_tried:
                self._report(table.name, "cannot be tried: it lacks operator_id, tenant_id or a primary key")
                continue
            try:
                for owner in owners:
                    self._bind(Owner(owner.operator_id, owner.operator_id))
                    rows = self._rows.setdefault(owner, {})
                    row = table.row(owner, self.ids, rows)
                    with self.connection.transaction():
                        self.connection.execute(table.insert(row), row)
                    rows[table.name] = row
            except psycopg.Error as error:
                self._report(table.name, f"no row could be made of it for the matrix: {_first_line(error)}")
            else:
                usable.append(table)
        return usable

    def _try(self, table: TableShape, asker: Asker, verb: Verb) -> None:
        self.cells += 1
        expected = _expected(table.name, asker, verb)
        try:
            allowed = self._ask(table, asker, verb)
        except _DENIED:
            allowed = False
        except psycopg.IntegrityError:
            allowed = True  # row security is checked first: it allowed the row that a key or check refused
        except psycopg.Error as error:
            self._report(table.name, f"{verb} by {asker.name} failed otherwise: {_first_line(error)}")
            return
        if allowed != expected:
            outcome = "allowed" if allowed else "denied"
            self._report(table.name, f"{verb} by {asker.name} is {outcome}")

    def _ask(self, table: TableShape, asker: Asker, verb: Verb) -> bool:
        """Undo the cell before, and return whether the verb affects the row.

        Both go to the server in one message: there are thousands of cells. Only a cursor that writes parameters
        into the text can send two statements at once.
        """
        row = self._rows[asker.target][table.name]
        if verb == "insert":
            row = table.row(asker.target, self.ids, self._rows[asker.target])
        elif verb == "move":
            receiver = asker.receiver
            row = row | {"new_operator_id": receiver.operator_id, "new_tenant_id": receiver.tenant_id}
        with psycopg.ClientCursor(self.connection) as cursor:
            cursor.execute(_UNDO + _statement(table, verb, row), row)
            cursor.nextset()
            return cursor.rowcount > 0

    def _try_globals(self, asker: Asker) -> None:
        """Check that the application can read the tables without tenants, and cannot write them."""
        writes = {
            "insert": "insert into {} select * from {} where false",
            "update": "update {} set {} = {} where false",
            "delete": "delete from {} where false",
        }
        for name in sorted(GLOBAL):
            table, column = sql.Identifier(SCHEMA, name), sql.Identifier(_KEYS_OF_GLOBALS[name])
            for verb, text in {"select": "select 1 from {} limit 1", **writes}.items():
                self.cells += 1
                parts = {"insert": (table, table), "update": (table, column, column)}.get(verb, (table,))
                try:
                    with self.connection.transaction(force_rollback=True):
                        self.connection.execute(sql.SQL(text).format(*parts))
                    allowed = True
                except _DENIED:
                    allowed = False
                if allowed != (verb == "select"):
                    self._report(name, f"{verb} by {asker.name} is {'allowed' if allowed else 'denied'}")

    def _bind(self, owner: Owner | None) -> None:
        binding = ("", "") if owner is None else (str(owner.operator_id), str(owner.tenant_id))
        self.connection.execute(_BIND, binding)

    def _report(self, table: str, message: str) -> None:
        self.findings.append(IsolationFault("matrix", table, message))


def _statement(table: TableShape, verb: Verb, row: Mapping[str, Any]) -> sql.Composed:
    """Return the statement of a cell; its parameters are named after the columns of the row."""
    if verb == "insert":
        return table.insert(row)
    return sql.SQL(_TEXTS[verb]).format(table.identifier) + table.where_key()


_KEYS_OF_GLOBALS: Final[Mapping[str, str]] = {
    "directory": "tenant_id",
    "game_files": "version",
    "schema_migrations": "name",
    "secret_fingerprints": "key_id",
}


def _expected(table: str, asker: Asker, verb: Verb) -> bool:
    """Return whether the design allows a cell."""
    if not asker.sees or verb in {"delete", "move"}:
        return False
    if asker.role == OWNER_READ:
        return verb == "select"
    return verb != "update" or table not in INSERT_ONLY


def _askers(ids: Iterator[UUID]) -> list[Asker]:
    """Return the askers with the application's login."""
    here, there = _operator(ids), _operator(ids)
    agent, sibling = Owner(here.operator_id, next(ids)), Owner(here.operator_id, next(ids))
    return [
        Asker("the operator for its own row", here, here, there, sees=True),
        Asker("the operator for its agent's row", here, agent, there, sees=True),
        Asker("the agent for its own row", agent, agent, sibling, sees=True),
        Asker("the agent for its sibling's row", agent, sibling, agent),
        Asker("the agent for its operator's row", agent, here, agent),
        Asker("another operator for the agent's row", there, agent, there),
        Asker("another operator for the operator's row", there, here, there),
        Asker("an operator with another's agent", Owner(there.operator_id, agent.tenant_id), agent, there),
        Asker("nobody for the agent's row", None, agent, there),
    ]


def _owners(ids: Iterator[UUID]) -> list[Asker]:
    """Return the askers with other logins, for rows of an operator and of its agent."""
    here, there = _operator(ids), _operator(ids)
    agent = Owner(here.operator_id, next(ids))
    return [
        Asker("the platform's owner for the operator's row", None, here, there, sees=True, role=OWNER_READ),
        Asker("the platform's owner for the agent's row", None, agent, there, sees=True, role=OWNER_READ),
        Asker("the tables' owner for the agent's row", None, agent, there, role=OWNER),
        Asker("the tables' owner, bound, for the operator's row", here, here, there, role=OWNER),
    ]


def _operator(ids: Iterator[UUID]) -> Owner:
    operator_id = next(ids)
    return Owner(operator_id, operator_id)


def _level(owner: Owner) -> bool:
    """Sort operators first, because their agents refer to them."""
    return owner.operator_id != owner.tenant_id


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]
