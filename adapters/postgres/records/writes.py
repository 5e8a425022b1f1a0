"""What a unit of work gathers, and the few statements that write it.

All of it goes into one statement: a CTE for each kind of record, and a main query that divides by zero when an
UPDATE touched another number of rows than it was given. Row security hides rows instead of refusing them, so that
a filtered UPDATE would pass for done; the division aborts the transaction before the COMMIT behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from attrs import define, field, frozen

from ....application.errors import StorageMisuse
from ....application.ports.bindings import StoredAnswer
from ....application.ports.storage import Record
from ....domain.access.attempts import Attempts
from ....domain.games.configs import GameConfig
from ....domain.games.fairness import RevealedSeed
from ....domain.ledger.events import LedgerEvent
from ....domain.ledger.seals import Seal
from ....domain.limits.play_passes import PlayPass
from ....domain.play.players import Player
from ....domain.play.rounds import Round
from ....domain.play.sessions import Session, StaffSession
from ....domain.safety.actions import SafetyAction, SafetySettings
from ....domain.tenancy.staff import StaffMember
from ....domain.tenancy.tenants import Tenant, TenantWallet
from ....domain.vouchers.bonuses import Bonus
from ....domain.vouchers.vouchers import Voucher
from ..connection.channel import Row, Statement
from .games import GAME_CONFIGS
from .limits import PLAY_PASSES
from .mapping import Kept
from .play import BONUSES, EVENTS, PLAYERS, REVEALED_SEEDS, ROUNDS, SESSIONS, VOUCHERS
from .queries import DIALECT, fill
from .safety import SAFETY_ACTIONS, SAFETY_SETTINGS
from .seals import SEALS
from .tenancy import ANSWERS, ATTEMPTS, STAFF, STAFF_SESSIONS, TENANTS, WALLETS

KEPT: Final[Mapping[type[Record], Kept[Any]]] = {
    Tenant: TENANTS,
    TenantWallet: WALLETS,
    StaffMember: STAFF,
    StaffSession: STAFF_SESSIONS,
    Attempts: ATTEMPTS,
    StoredAnswer: ANSWERS,
    Voucher: VOUCHERS,
    PlayPass: PLAY_PASSES,
    Player: PLAYERS,
    Session: SESSIONS,
    Bonus: BONUSES,
    Round: ROUNDS,
    RevealedSeed: REVEALED_SEEDS,
    SafetySettings: SAFETY_SETTINGS,
    SafetyAction: SAFETY_ACTIONS,
    LedgerEvent: EVENTS,
    Seal: SEALS,
    GameConfig: GAME_CONFIGS,
}
"""How each kind of record is kept; what is referred to stands before what refers to it."""

_ORDER: Final = {kind: place for place, kind in enumerate(KEPT)}
_MOST_PARAMETERS: Final = 30_000
"""Parameters of one statement; the protocol ends at 65,535."""
_MET: Final = "(select count(*) from w{}) = {}"


@frozen
class _Part:
    """One CTE: how many rows are inserted into, or updated in, a table."""

    kind: type[Record]
    count: int
    updates: bool


@define
class Writes:
    """Records gathered by one unit of work."""

    _added: dict[type[Record], list[Row]] = field(factory=dict, init=False)
    _saved: dict[type[Record], dict[Row, Row]] = field(factory=dict, init=False)

    def add(self, record: Record) -> None:
        """Gather a new record."""
        self._added.setdefault(type(record), []).append(KEPT[type(record)].row_of(record))

    def save(self, record: Record) -> None:
        """Gather the new state of a record; of one that was added in this unit it is what is added."""
        kind, kept = type(record), KEPT[type(record)]
        if not kept.changing:
            raise StorageMisuse(f"a {kind.__name__} is never saved, only added")
        row = kept.row_of(record)
        identity = kept.identity_of(row)
        added = self._added.get(kind, [])
        for at, other in enumerate(added):
            if kept.identity_of(other) == identity:
                added[at] = row
                return
        self._saved.setdefault(kind, {})[identity] = row

    def statements(self) -> list[Statement]:
        """Return what writes everything: one statement, unless there is very much of it.

        Where a table has rows to be updated and others to be inserted, the updates go first, by themselves:
        a session has to end before the next one of its player begins, and the parts of one statement have no
        order.
        """
        saves = [(kind, True, list(self._saved[kind].values())) for kind in self._by_order(self._saved)]
        adds = [(kind, False, self._added[kind]) for kind in self._by_order(self._added)]
        if self._saved.keys() & self._added.keys():
            return [*_packed(saves), *_packed(adds)]
        return list(_packed([*saves, *adds]))

    @staticmethod
    def _by_order(kinds: Mapping[type[Record], Any]) -> list[type[Record]]:
        return sorted(kinds, key=_ORDER.__getitem__)


def _packed(groups: Sequence[tuple[type[Record], bool, Sequence[Row]]]) -> Iterator[Statement]:
    """Yield statements that hold as many rows as fit into each."""
    parts: list[_Part] = []
    values: list[Any] = []
    for kind, updates, rows in groups:
        kept = KEPT[kind]
        width = len(kept.updated if updates else kept.columns)
        left = [kept.update_of(row) for row in rows] if updates else list(rows)
        while left:
            room = (_MOST_PARAMETERS - len(values)) // width
            if not room:
                yield Statement(_sql(tuple(parts)), values)
                parts, values = [], []
                continue
            parts.append(_Part(kind, len(left[:room]), updates))
            values += chain.from_iterable(left[:room])
            left = left[room:]
    if parts:
        yield Statement(_sql(tuple(parts)), values)


@lru_cache(maxsize=512)
def _sql(parts: tuple[_Part, ...]) -> str:
    """Return the statement that writes these parts and checks that the updates met their rows."""
    ctes, checks, used = [], [], 0
    for number, part in enumerate(parts):
        kept = KEPT[part.kind]
        columns = kept.updated if part.updates else kept.columns
        text = _update(kept, part.count, used) if part.updates else _insert(kept, part.count, used)
        ctes.append(f"w{number} as ({text})")
        used += part.count * len(columns)
        if part.updates:
            checks.append(_MET.format(number, part.count))
    result = f"1 / ({' and '.join(checks)})::int" if checks else "1"
    return f"with {', '.join(ctes)} select {result}"


def _insert(kept: Kept[Any], count: int, used: int) -> str:
    return fill(
        "insert into $table ($columns) values $rows",
        table=kept.table.fullname,
        columns=", ".join(column.name for column in kept.columns),
        rows=_tuples(kept.columns, count, used),
    )


def _update(kept: Kept[Any], count: int, used: int) -> str:
    names = [column.name for column in kept.updated]
    return fill(
        "update $table as t set $changes from (values $rows) as v ($columns) where $same returning 1",
        table=kept.table.fullname,
        changes=", ".join(f"{name} = v.{name}" for name in names if name not in kept.identity),
        rows=_tuples(kept.updated, count, used),
        columns=", ".join(names),
        same=" and ".join(f"t.{name} = v.{name}" for name in kept.identity),
    )


def _tuples(columns: Sequence[Any], count: int, used: int) -> str:
    """Return the placeholders of some rows; each says its type, which a VALUES list cannot tell by itself."""
    types = [column.type.compile(DIALECT) for column in columns]
    rows = []
    for row in range(count):
        first = used + row * len(types) + 1
        rows.append(f"({', '.join(f'${first + at}::{kind}' for at, kind in enumerate(types))})")
    return ", ".join(rows)


def insert_of(kept: Kept[Any], count: int) -> str:
    """Return an INSERT for some rows; the caller may append ON CONFLICT."""
    return _insert(kept, count, 0)
