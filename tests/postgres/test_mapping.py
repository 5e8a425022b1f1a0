"""The declarations of the records: complete, as the catalogue has them, and one line for a new column."""

from typing import Any, get_args

import psycopg
import pytest
from attrs import fields, frozen

from playtime.adapters.postgres.records.mapping import Column, Mapped
from playtime.adapters.postgres.records.play import PLAYERS
from playtime.adapters.postgres.records.tables import RECORDS, TABLES
from playtime.application.ports.storage import Record
from playtime.domain.play.players import Player

from support.models import make_player
from support.postgres.database import TestDatabase

CATALOGUE = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull,
    coalesce(a.attnum = any (i.indkey), false)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_index i on i.indrelid = c.oid and i.indisprimary
where n.nspname = 'playtime' and c.relkind in ('r', 'p')
"""


@pytest.fixture(scope="module")
def catalogue(shared: TestDatabase) -> list[tuple[str, str, str, bool, bool]]:
    """Table, column, type, nullability and whether it is part of the primary key."""
    with psycopg.connect(shared.superuser_url) as connection:
        return connection.execute(CATALOGUE).fetchall()


def test_every_table_is_named(catalogue: list[tuple[str, str, str, bool, bool]]) -> None:
    assert {table for table, *_ in catalogue} == TABLES


@pytest.mark.parametrize("mapped", RECORDS.values(), ids=lambda mapped: mapped.name)
def test_columns_are_those_of_the_catalogue(
    catalogue: list[tuple[str, str, str, bool, bool]], mapped: Mapped[Any]
) -> None:
    found = {(name, *about) for table, name, *about in catalogue if table == mapped.name}
    declared = {(one.name, one.type, one.null, one.key) for one in mapped.columns}
    assert {about for about in found if about[0] not in mapped.by_server} == declared
    assert {name for name, *_ in found} - {one.name for one in mapped.columns} == set(mapped.by_server)


def test_every_record_is_mapped() -> None:
    assert set(RECORDS) == set(get_args(Record))


@frozen(kw_only=True)
class NicknamedPlayer(Player):
    """A player with one more attribute."""

    nickname: str | None = None


def declare(*columns: Column) -> Mapped[NicknamedPlayer]:
    return Mapped(NicknamedPlayer, "players", *PLAYERS.columns, *columns)


def test_a_missing_attribute_is_refused() -> None:
    with pytest.raises(TypeError, match=r"not declared \['nickname'\]"):
        declare()


def test_an_attribute_declared_twice_is_refused() -> None:
    with pytest.raises(TypeError, match=r"declared twice \['nickname'\]"):
        declare(Column("nickname"), Column("alias", "nickname"))


def test_a_new_column_is_one_line() -> None:
    mapped = declare(Column("nickname", changes=True))
    plain = make_player()
    named = NicknamedPlayer(**{one.name: getattr(plain, one.name) for one in fields(Player)}, nickname="Ada")
    row = mapped.row_of(named)
    assert row == (*PLAYERS.row_of(plain), "Ada")
    assert mapped.record_of(row) == named
    assert mapped.update_of(row)[-1] == "Ada"
    assert (mapped.columns[-1].type, mapped.columns[-1].null) == ("text", True)
    assert mapped.select_list("p").endswith("p.idle_from, p.nickname")
