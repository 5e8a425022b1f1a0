"""The storage port and its unit of work."""

from types import TracebackType
from typing import Protocol, Self

from ...domain.access.attempts import Attempts
from ...domain.games.configs import GameConfig
from ...domain.games.fairness import RevealedSeed
from ...domain.ledger.events import LedgerEvent
from ...domain.ledger.seals import Seal
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from ...domain.play.rounds import Round
from ...domain.play.sessions import Session, StaffSession
from ...domain.safety.actions import SafetyAction, SafetySettings
from ...domain.tenancy.staff import StaffMember
from ...domain.tenancy.tenants import Tenant, TenantWallet
from ...domain.tenancy.trail import TrailEvent
from ...domain.vouchers.bonuses import Bonus
from ...domain.vouchers.vouchers import Voucher
from .analytics import Analytics
from .audit import Audit, Stream
from .bindings import Binding, StoredAnswer
from .games import GameConfigs, GameFiles
from .ledger import Ledger
from .limits import PlayPasses
from .play import Players
from .rollup import RollUp
from .safety import Safety
from .tenancy import Directory, Staff, Tenants, Trail, Wallets
from .throttling import AttemptLog
from .vouchers import Vouchers

Record = (
    Tenant
    | TenantWallet
    | StaffMember
    | StaffSession
    | Voucher
    | PlayPass
    | Player
    | Bonus
    | Session
    | Round
    | RevealedSeed
    | LedgerEvent
    | StoredAnswer
    | Attempts
    | SafetySettings
    | SafetyAction
    | Seal
    | GameConfig
    | TrailEvent
)
"""The records that a unit of work can write."""


class UnitOfWork(Protocol):
    """One transaction of one binding. It has one owner, is used once, and rolls back unless committed.

    It begins with its first read. `add` and `save` gather records, which `commit` sends together: all are
    committed or none. A read after `add` or `save` raises StorageMisuse.

    Each read raises TenantSuspended if the directory lists the binding's acting tenant, or the operator, as not
    active. It looks there after the read has its locks. A unit that reads nothing looks there before it writes.
    """

    @property
    def tenants(self) -> Tenants:
        """Tenants."""

    @property
    def wallets(self) -> Wallets:
        """TENANT accounts."""

    @property
    def staff(self) -> Staff:
        """Staff."""

    @property
    def trail(self) -> Trail:
        """The audit trail."""

    @property
    def vouchers(self) -> Vouchers:
        """Vouchers."""

    @property
    def players(self) -> Players:
        """Players."""

    @property
    def passes(self) -> PlayPasses:
        """Play passes."""

    @property
    def ledger(self) -> Ledger:
        """The ledger."""

    @property
    def attempts(self) -> AttemptLog:
        """Counted attempts."""

    @property
    def safety(self) -> Safety:
        """Safety settings and actions."""

    @property
    def stream(self) -> Stream:
        """The ledger as one stream, with its seals."""

    @property
    def audit(self) -> Audit:
        """The audit of the books."""

    @property
    def analytics(self) -> Analytics:
        """The ports of analytics."""

    @property
    def roll_up(self) -> RollUp:
        """The roll-up."""

    @property
    def game_configs(self) -> GameConfigs:
        """Game configs."""

    def add(self, *records: Record) -> None:
        """Gather new records. Adding a LedgerEvent is the only way the ledger changes."""

    def save(self, *records: Record) -> None:
        """Gather new states of records that were read in this unit; the last state of a record counts.

        LedgerEvents, Rounds, RevealedSeeds, StoredAnswers, SafetyActions, Seals and TrailEvents are never saved,
        only added: StorageMisuse.
        """

    def commit(self) -> None:
        """Write the gathered records and end the unit.

        Raises AlreadyExists if an added key exists, and IsolationViolation if a record belongs to another tenant
        or a saved record does not exist. Raises TransientConflict, TenantSuspended, StorageUnavailable. After
        these errors nothing is written. Raises OutcomeUnknown if a storage that lost the answer cannot find out
        whether all or nothing is written.
        """

    def __enter__(self) -> Self:
        """Open the unit; nothing is sent yet."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the unit, rolling back unless it was committed. Never hides the caller's own exception."""


class Storage(Protocol):
    """The place of the books."""

    @property
    def directory(self) -> Directory:
        """The directory of tenants."""

    @property
    def game_files(self) -> GameFiles:
        """The files of the played games."""

    def begin(self, binding: Binding) -> UnitOfWork:
        """Return a new unit of work that sees through `binding`. Nothing is sent yet."""

    def begin_owner_read(self) -> UnitOfWork:
        """Return a unit that reads across all operators for the platform's owner, and can write nothing.

        Any attempt to lock or write raises IsolationViolation.
        """

    def check(self) -> None:
        """Reach the storage, and see whether it takes writes. Raises StorageUnavailable."""

    def close(self) -> None:
        """Release all resources of the storage. May be called again."""
