"""Reads for scoring a spin: they do not grow with the session, and do not occur without enforcement."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from playtime.adapters.postgres.connection.channel import Statement
from playtime.adapters.postgres.reads.safety import safety_by
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.ports.safety import SafetyWatch
from playtime.application.ports.storage import Storage
from playtime.contracts.house import House
from playtime.contracts.records import NOW, write
from playtime.domain.play.players import Player
from playtime.domain.safety.actions import Enforcement

from support.postgres.database import TestDatabase

Books = tuple[House, PostgresStorage]


def _played(house: House, storage: Storage, rounds: int) -> Player:
    """Return a player with so many rounds, three seconds apart, the last of them now."""
    player = house.player()
    session = house.session(player)
    write(storage, house.as_agent, player, session)
    moments = [NOW - timedelta(seconds=3 * (rounds - at)) for at in range(rounds)]
    made = [
        house.round(
            session,
            round_id=UUID(int=int(at.timestamp() * 1_000) << 80 | player.player_id.int % 2**62),
            played_at=at,
        )
        for at in moments
    ]
    for at in range(0, rounds, 2_000):
        write(storage, house.as_agent, *made[at : at + 2_000])
    return player


def _blocks(database: TestDatabase, statement: Statement) -> int:
    """Return the number of blocks that the server reads to run a statement."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        values = ", ".join(_literal(value) for value in statement.values)
        explained = f"explain (analyze, buffers, format json) execute looking ({values})"
        connection.execute(f"prepare looking as {statement.sql}".encode())
        connection.execute("set plan_cache_mode = force_generic_plan")
        connection.execute(explained.encode())
        row = connection.execute(explained.encode()).fetchone()
    assert row is not None
    plan: dict[str, Any] = (json.loads(row[0]) if isinstance(row[0], str) else row[0])[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


@pytest.fixture
def house(shared: TestDatabase) -> Iterator[Books]:
    storage = shared.storage()
    house = House.built(storage)
    write(storage, house.as_agent, house.safety_settings(enforce=Enforcement.COOLDOWN))
    yield house, storage
    storage.close()


def test_it_costs_the_same_after_5_000_spins_as_after_500(shared: TestDatabase, house: Books) -> None:
    built, storage = house
    players = [_played(built, storage, rounds) for rounds in (500, 5_000)]
    with psycopg.connect(shared.superuser_url, autocommit=True) as connection:
        connection.execute("analyze playtime.rounds")
    watch = SafetyWatch(asked_at=NOW, only_enforced=True)
    transaction = storage.begin(built.as_agent).transaction
    short, long = (_blocks(shared, safety_by(transaction, [player.player_id], watch)) for player in players)
    assert 100 < short < 1_000
    assert long <= 1.5 * short


def test_where_nothing_is_enforced_no_round_is_looked_at(shared: TestDatabase, house: Books) -> None:
    built, storage = house
    player = _played(built, storage, 500)
    with storage.begin(built.as_agent) as unit:
        unit.safety.settings(built.agent.tenant_id)
        unit.save(built.safety_settings())
        unit.commit()
    transaction = storage.begin(built.as_agent).transaction
    looked = [
        _blocks(shared, safety_by(transaction, [player.player_id], SafetyWatch(asked_at=NOW, only_enforced=only)))
        for only in (True, False)
    ]
    assert looked[0] < 20 < looked[1]
