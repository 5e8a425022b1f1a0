"""The fingerprints of secrets: a start with other secrets than the database was filled with is refused."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from playtime.adapters.postgres.admin.secrets import (
    WrongSecrets,
    needed_secrets,
    require_secrets,
    retire_secret,
)
from playtime.adapters.postgres.records.mapping import SCHEMA
from playtime.application.errors import SetupError
from playtime.bootstrap import Settings, open_engine
from playtime.contracts.doubles import PINS
from playtime.domain.access.pins import PinKeys
from playtime.domain.games.fairness import DERIVED

from support.day import build_day
from support.postgres.database import TestDatabase, fresh_database

OLD, NEW, OTHER = ("0a" * 32, "0b" * 32, "0c" * 32)
OF_RECORDS: Final = dict(PINS.fingerprints())
OTHERS: Final = dict(PinKeys("k2", {"k2": bytes(32)}).fingerprints())

USES: Final = {
    "open vouchers": "update playtime.vouchers set pin_key_id = 'k2'",
    "players": "update playtime.players set pin_key_id = 'k2'",
    "seeds": "update playtime.players set seed_key_id = 'k2'",
}
"""The statement that moves each kind of use to another secret."""
SKIP: Final = (
    "insert into playtime.revealed_seeds (operator_id, tenant_id, player_id, number, server_seed, client_seed,"
    " rounds, revealed_at) values (%s, %s, %s, 1, %s, 'x', 0, now())"
)


@pytest.fixture
def database() -> Iterator[TestDatabase]:
    with fresh_database() as database:
        yield database


def _run(database: TestDatabase, statement: str, *parameters: Any) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(statement.encode(), parameters)


def _settings(database: TestDatabase, home: Path, pins: Mapping[str, str]) -> Settings:
    secret = OLD if pins else None
    return Settings(database_url=database.app_url, home=home, jwt_secret=secret, pin_secrets=pins)


def _open(database: TestDatabase, home: Path, **pins: str) -> None:
    with open_engine(_settings(database, home, pins)) as engine:
        engine.create_platform()


def test_fingerprints_differ_by_secret_and_id() -> None:
    keys = PinKeys("a", {"a": b"x" * 32, "b": b"x" * 32, "c": b"y" * 32})
    found = keys.fingerprints()
    assert len(set(found.values())) == 3
    assert {len(fingerprint) for fingerprint in found.values()} == {32}
    assert b"x" * 8 not in found["a"]
    assert PinKeys("z", {"a": b"x" * 32}).fingerprints()["a"] == found["a"]


def test_first_start_stores_fingerprints_of_its_secrets(database: TestDatabase, tmp_path: Path) -> None:
    assert needed_secrets(database.app_url) == []
    for _ in range(2):
        _open(database, tmp_path, k1=OLD)
    assert needed_secrets(database.app_url) == ["k1"]
    _open(database, tmp_path, k2=NEW, k1=OLD)
    assert needed_secrets(database.app_url) == ["k1", "k2"]


def test_check_without_registering_stores_nothing(database: TestDatabase) -> None:
    require_secrets(database.app_url, OTHERS, registers=False)
    assert needed_secrets(database.app_url) == []
    require_secrets(database.app_url, OTHERS)
    wrong = dict(PinKeys("k2", {"k2": b"x" * 32}).fingerprints())
    with pytest.raises(WrongSecrets, match="the secret k2 is another one"):
        require_secrets(database.app_url, wrong, registers=False)


def test_other_secret_under_a_known_id_is_refused(database: TestDatabase, tmp_path: Path) -> None:
    _open(database, tmp_path, k1=OLD)
    for pins in ({"k1": OTHER}, {"k2": NEW, "k1": OTHER}):
        with pytest.raises(WrongSecrets, match="the secret k1 is another one than the database was filled with"):
            _open(database, tmp_path, **pins)
    assert needed_secrets(database.app_url) == ["k1"], "a refused start stores nothing"


def test_no_secret_for_a_database_with_records_is_refused(database: TestDatabase, tmp_path: Path) -> None:
    _open(database, tmp_path / "one", shop_1=OLD)
    with pytest.raises(SetupError, match=r"needs the secret shop_1: restore it, or set PLAYTIME_JWT_SECRET"):
        _open(database, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_two_homes_on_one_database_cannot_both_make_secrets(database: TestDatabase, tmp_path: Path) -> None:
    _open(database, tmp_path / "one")
    with pytest.raises(SetupError, match="needs the secret k1"):
        _open(database, tmp_path / "two")
    _open(database, tmp_path / "one")


def test_records_without_fingerprints_need_their_secrets(database: TestDatabase, tmp_path: Path) -> None:
    with closing(database.storage()) as storage:
        build_day(storage).sell(100)
    assert needed_secrets(database.app_url) == [PINS.current]
    with pytest.raises(SetupError, match=f"needs the secret {PINS.current}"):
        _open(database, tmp_path)
    with pytest.raises(WrongSecrets, match=f"the secret {PINS.current} is missing"):
        require_secrets(database.app_url, OTHERS)
    require_secrets(database.app_url, OF_RECORDS)


@pytest.mark.parametrize("kind", ["open vouchers", "players", "seeds", "skipped seeds"])
def test_missing_id_that_records_need_is_refused(database: TestDatabase, kind: str) -> None:
    with closing(database.storage()) as storage:
        day = build_day(storage)
        guest, _ = day.welcome(100), day.sell(100)
    require_secrets(database.app_url, OF_RECORDS)
    for use, statement in USES.items():
        if use != kind:
            _run(database, statement)
    if kind == "skipped seeds":
        owner = (guest.principal.operator_id, guest.principal.tenant_id, guest.player_id)
        _run(database, SKIP, *owner, DERIVED + PINS.current.encode())
    named = kind.removeprefix("skipped ")
    with pytest.raises(WrongSecrets, match=f"the secret {PINS.current} is missing, and {named} need it: add it"):
        require_secrets(database.app_url, OTHERS)
    require_secrets(database.app_url, OF_RECORDS | OTHERS)


def test_missing_id_that_nothing_needs_starts(database: TestDatabase) -> None:
    with closing(database.storage()) as storage:
        day = build_day(storage)
        voucher, guest = day.sell(100), day.welcome(100)
        require_secrets(database.app_url, OF_RECORDS)
        day.engine.void_voucher(day.agent.head, voucher.voucher_id)
        day.engine.close_player(day.agent.head, guest.player_id)
    require_secrets(database.app_url, OTHERS)


def test_retired_secret_is_not_needed_and_not_replaced(database: TestDatabase) -> None:
    with closing(database.storage()) as storage:
        build_day(storage).sell(100)
    require_secrets(database.app_url, OF_RECORDS)
    with pytest.raises(SetupError, match="no secret with the id k9"):
        retire_secret(database.migrator_url, "k9")
    retire_secret(database.migrator_url, PINS.current)
    require_secrets(database.app_url, OTHERS)
    require_secrets(database.app_url, OF_RECORDS | OTHERS)
    wrong = dict(PinKeys("x", {PINS.current: bytes(32)}).fingerprints())
    with pytest.raises(WrongSecrets, match="is another one"):
        require_secrets(database.app_url, wrong | OTHERS)


def test_app_may_not_change_fingerprints(database: TestDatabase) -> None:
    require_secrets(database.app_url, OTHERS)
    with psycopg.connect(database.app_url, autocommit=True) as connection:
        again = connection.execute("select playtime.secret_register('k2', %s)", (bytes(32),)).fetchone()
        assert again == (OTHERS["k2"],)
        for statement in ("update {} set is_retired = true", "delete from {}", "insert into {} values ('k3', '')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.format(f"{SCHEMA}.secret_fingerprints").encode())
