"""The PL/pgSQL function that repeats a captured spin on another player."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from ..records.mapping import Column
from ..records.queries import fill
from .captured import CapturedRow, CapturedSpin

SCHEMA: Final = "playtime_floor"

PLAYER_IDS: Final = ("operator_id", "tenant_id", "player_id", "session_id")
"""The ids of the player, which the function takes by the player's number."""

_TIMED_UUID: Final = (
    "encode(overlay(uuid_send(gen_random_uuid()) placing"
    " substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),"
    " 'hex')::uuid"
)
_UUIDV7_SINCE: Final = 180_000
_WHOLE: Final = frozenset({"bigint", "integer"})

_FUNCTION: Final = """
create function $schema.$name(chosen integer) returns void language plpgsql as $$floor$$
declare
    $ids
    v_moment constant timestamptz := clock_timestamp();
    $new
    v_action constant text := $new_id::text;
    v_seq bigint;
begin
    perform set_config('app.operator_id', v_operator_id::text, true),
        set_config('app.tenant_id', v_tenant_id::text, true),
        set_config('app.role', 'player', true), set_config('app.user_id', v_player_id::text, true);
    $writes
end
$$floor$$
"""


@frozen
class FloorPlayer:
    """A player of the function: the ids by the name of their column."""

    ids: Mapping[str, str]


def function_of(spin: CapturedSpin, players: Sequence[FloorPlayer], *, name: str, server_version: int) -> str:
    """Return the statement that makes the function of a captured spin.

    It writes the captured values, with three exceptions. Ids are those of the player, or new ones in place of the
    spin's own. Times are the present one. Whole numbers of changed rows change by the same amount.
    """
    new_id = "uuidv7()" if server_version >= _UUIDV7_SINCE else _TIMED_UUID
    repeated = _Repeated.of(spin)
    writes = [*map(repeated.update, spin.updated), *map(repeated.insert, spin.inserted)]
    return fill(
        _FUNCTION,
        schema=SCHEMA,
        name=name,
        ids="\n    ".join(_id_of(column, players) for column in PLAYER_IDS),
        new="\n    ".join(f"{variable} constant uuid := {new_id};" for variable in repeated.new_ids),
        new_id=new_id,
        writes="\n    ".join(writes),
    )


def _id_of(column: str, players: Sequence[FloorPlayer]) -> str:
    ids = ",".join(player.ids[column] for player in players)
    return f"v_{column} constant uuid := ('{{{ids}}}'::uuid[])[chosen];"


@frozen
class _Repeated:
    """The expressions in place of captured values."""

    names: Mapping[str, str]
    """The variable by the text of an id."""
    last_seq: int

    @classmethod
    def of(cls, spin: CapturedSpin) -> "_Repeated":
        before: dict[str, str | None] = {}
        for row in spin.updated:
            before |= row.before or {}
        names = {str(before[column]): f"v_{column}" for column in reversed(PLAYER_IDS)}
        known = {value for row in spin.updated for value in (row.before or {}).values()}
        for row in spin.inserted:
            for column in row.mapped.columns:
                value = row.values[column.name]
                if column.name == "action_id" and value is not None:
                    names[value] = "v_action"
                elif column.type == "uuid" and value is not None and value not in known:
                    names.setdefault(value, f"v_new_{len(names)}")
        return cls(names, int(before["last_seq"] or 0))

    @property
    def new_ids(self) -> list[str]:
        """The variables of the ids that belong to one spin."""
        return [name for name in self.names.values() if name.startswith("v_new_")]

    def insert(self, row: CapturedRow) -> str:
        """Return the INSERT of a new row."""
        return fill(
            "insert into $table ($columns) values ($values);",
            table=row.mapped.table.fullname,
            columns=", ".join(row.values),
            values=", ".join(self._value(column, row.values[column.name]) for column in row.mapped.columns),
        )

    def update(self, row: CapturedRow) -> str:
        """Return the UPDATE of a changed row. That of the player also reads the last number of its events."""
        types = {column.name: column for column in row.mapped.columns}
        changes = [f"{name} = {self._change(types[name], row)}" for name in row.changed]
        numbered = int(row.values.get("last_seq") or 0) - self.last_seq
        return fill(
            "update $table as t set $changes where $same$returning;$check",
            table=row.mapped.table.fullname,
            changes=", ".join(changes),
            same=" and ".join(
                f"t.{name} = {self._value(types[name], row.values[name])}" for name in row.mapped.key
            ),
            returning=f" returning t.last_seq - {numbered} into strict v_seq" if "last_seq" in row.values else "",
            check="" if "last_seq" in row.values else " if not found then raise no_data_found; end if;",
        )

    def _change(self, column: Column, row: CapturedRow) -> str:
        value, before = row.values[column.name], (row.before or {})[column.name]
        if column.type in _WHOLE and value is not None and before is not None:
            return f"t.{column.name} + ({int(value) - int(before)})"
        return self._value(column, value)

    def _value(self, column: Column, value: str | None) -> str:
        if value is None:
            return "null"
        if value in self.names:
            return self.names[value]
        if column.type == "timestamp with time zone":
            return "v_moment"
        if column.name == "player_seq":
            return f"v_seq + {int(value) - self.last_seq}"
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        return f"e'{quoted}'::{column.type}"
