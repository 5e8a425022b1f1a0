"""The ports: what the use cases need from outside, and what they may rely on.

A docstring here is the guarantee that an adapter gives; the contract suite holds every adapter to it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Protocol, Self
from uuid import UUID

from attrs import field, frozen

from ..domain.access.attempts import Attempts
from ..domain.access.codes import Code
from ..domain.games.configs import GameConfig
from ..domain.games.fairness import RevealedSeed
from ..domain.games.game import Game
from ..domain.ledger.events import AccountTotal, LedgerEvent, MovementTotal
from ..domain.ledger.seals import Seal
from ..domain.limits.play_passes import PlayPass
from ..domain.play.players import Player
from ..domain.play.rounds import Round
from ..domain.play.sessions import Session, StaffSession
from ..domain.safety.actions import SafetyAction, SafetySettings
from ..domain.tenancy.staff import StaffMember
from ..domain.tenancy.tenants import Tenant, TenantKind, TenantStatus, TenantWallet
from ..domain.vouchers.bonuses import Bonus
from ..domain.vouchers.vouchers import Voucher
from .analytics_port import Analytics
from .audit_ports import Audit, Stream
from .filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from .play_pass_ports import PlayPasses
from .safety_ports import PlayerSafety, Safety, SafetyWatch

# --- values that cross the ports -------------------------------------------------------------------------


@frozen(kw_only=True)
class Binding:
    """Whose eyes a unit of work looks through. Nothing outside of it is visible or writable.

    Rows of `operator_id` are visible when `tenant_id` is the operator itself or the row's own tenant. `role` and
    `user_id` say who acts; they are for the record and widen nothing.
    """

    operator_id: UUID
    tenant_id: UUID
    role: str
    user_id: UUID


@frozen(kw_only=True)
class DirectoryEntry:
    """What may be known of a tenant before anybody is bound to it.

    As read, `status` is the effective one: an agent of a suspended operator is suspended with it.
    """

    tenant_id: UUID
    operator_id: UUID
    kind: TenantKind
    slug: str
    code_symbols: str | None = None
    status: TenantStatus = TenantStatus.ACTIVE


@frozen
class AnswerKey:
    """Names a command within its actor: the caller's own action id or Idempotency-Key."""

    actor_id: UUID
    action_id: str


@frozen(kw_only=True)
class StoredAnswer:
    """A committed answer, kept for ever: what was asked (digest), and the bytes that were answered.

    `code` is None for a success, else the refusal's code. The body never holds a PIN or token; `hints` are what
    it takes to derive those again, empty where there are none. `command` is what was asked for, None in answers
    that are older than its being kept.
    """

    operator_id: UUID
    tenant_id: UUID
    key: AnswerKey
    digest: bytes
    body: bytes
    created_at: datetime
    code: str | None = None
    hints: Mapping[str, Any] = field(factory=dict)
    command: str | None = None


@frozen
class LockedPlayer:
    """A player whose lock is held, and what was read after the lock was had.

    `session` is the player's open session; `bonuses` are those pending or triggered; `answer` is the stored
    answer of the key that was asked for, `safety` what was to be watched. `play_pass` is locked as well: the
    player's own, or the one shown. `pass_zone` is the zone in which its tenant has days begin, None where the
    tenant has set none; without a pass it is not read.
    """

    player: Player
    session: Session | None
    bonuses: tuple[Bonus, ...]
    answer: StoredAnswer | None
    safety: PlayerSafety | None = None
    play_pass: PlayPass | None = None
    pass_zone: str | None = None


@frozen
class PlayerView:
    """A player as seen without a lock: one consistent moment."""

    player: Player
    session: Session | None
    bonuses: tuple[Bonus, ...]


@frozen
class FairRound:
    """A round with its player, and the server seed that decided it once that was told."""

    round: Round
    player: Player
    revealed: RevealedSeed | None


@frozen
class WalletSummary:
    """A tenant's accounts, in minor units."""

    balance_minor: int
    voucher_pool_minor: int
    bonus_pool_minor: int
    house_minor: int


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
)
"""What a unit of work can write."""


# --- storage ----------------------------------------------------------------------------------------------


class Tenants(Protocol):
    """Tenants of the bound operator."""

    def get(self, tenant_id: UUID) -> Tenant | None:
        """Return the tenant, None when there is none or it is not visible."""

    def by_slug(self, slug: str) -> Tenant | None:
        """Return the visible tenant of that slug."""

    def page(self, page: Page) -> Sequence[Tenant]:
        """Return visible tenants, newest id first."""


class Wallets(Protocol):
    """TENANT accounts."""

    def lock(
        self, tenant_ids: Sequence[UUID], key: AnswerKey | None = None
    ) -> tuple[Mapping[UUID, TenantWallet], StoredAnswer | None]:
        """Lock the wallets (always in the order of their ids) until the unit ends; then read the key's answer.

        Tenants that are not visible are absent from the mapping. What is returned was read after the locks were
        had.
        """

    def summary(self, tenant_id: UUID) -> WalletSummary | None:
        """Return the tenant's accounts at one moment; the pools and the house are sums of their entries."""


class Staff(Protocol):
    """Members of staff and their sessions."""

    def get(self, staff_id: UUID) -> StaffMember | None:
        """Return the visible member of staff."""

    def by_username(self, tenant_id: UUID, username: str) -> StaffMember | None:
        """Return the tenant's member of staff of that name."""

    def session(self, session_id: UUID) -> StaffSession | None:
        """Return a staff session, without a lock."""

    def page(self, tenant_id: UUID | None, page: Page) -> Sequence[StaffMember]:
        """Return staff of a tenant (None: all visible), newest id first."""

    def lock_session(self, session_id: UUID) -> StaffSession | None:
        """Lock a staff session until the unit ends and return it as it is after the wait."""


class Vouchers(Protocol):
    """Vouchers of agents."""

    def find(self, code: Code) -> Voucher | None:
        """Return the voucher of a code, without a lock."""

    def get(self, voucher_id: UUID) -> Voucher | None:
        """Return the voucher, without a lock."""

    def lock(self, voucher_id: UUID, key: AnswerKey | None = None) -> tuple[Voucher | None, StoredAnswer | None]:
        """Lock a voucher until the unit ends; return it and the key's answer, both read after the wait."""

    def lock_batch(self, batch_id: UUID) -> Sequence[Voucher]:
        """Lock the visible vouchers of a batch until the unit ends, and return them by number."""

    def lock_overdue(self, now: datetime, limit: int) -> Sequence[Voucher]:
        """Lock and return at most `limit` issued vouchers whose time has passed, those due longest first.

        Vouchers that another unit holds are passed over, not waited for: two sweeps share the work.
        """

    def page(self, only: VoucherFilter, page: Page) -> Sequence[Voucher]:
        """Return vouchers, newest id first."""


class Players(Protocol):
    """Players, their sessions, bonuses and rounds."""

    def find(self, login_code: Code) -> Player | None:
        """Return the player of a login code, without a lock."""

    def get(self, player_id: UUID) -> PlayerView | None:
        """Return the player as of one moment, without a lock."""

    def lock(
        self,
        player_id: UUID,
        key: AnswerKey | None = None,
        *,
        shown_pass_id: UUID | None = None,
        watch: SafetyWatch | None = None,
    ) -> LockedPlayer | None:
        """Lock the player's pass, if any, or the one that is shown; then the player; then read what depends on it.

        The lock is had by a statement of its own and the rest is read by a later one, in the same round trip:
        whatever another unit committed while this one waited is seen. With `watch`, as `safety.of_player`. Raises
        TransientConflict when the player was tied to a pass in between.
        """

    def events(self, player_id: UUID, after_seq: int, limit: int) -> Sequence[LedgerEvent]:
        """Return at most `limit` of a player's events above a number, in the order of their numbers."""

    def idle(self, before: datetime, limit: int) -> Sequence[UUID]:
        """Return at most `limit` open players last active at or before a moment, those idle longest first."""

    def page(self, only: PlayerFilter, page: Page) -> Sequence[PlayerView]:
        """Return players, newest id first."""

    def sessions(self, player_id: UUID, page: Page) -> Sequence[Session]:
        """Return a player's sessions, newest id first."""

    def rounds(self, player_id: UUID, page: Page) -> Sequence[Round]:
        """Return a player's rounds, newest id first."""

    def fair_round(self, round_id: UUID) -> FairRound | None:
        """Return a visible round with its player and its seed as of one moment, without a lock."""

    def last_revealed(self, player_id: UUID) -> RevealedSeed | None:
        """Return the server seed of a visible player that was told last."""


class Ledger(Protocol):
    """The stream of events, and what it adds up to."""

    def page(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        """Return events, newest id first."""

    def fold(self, limit: int) -> int:
        """Fold at most about `limit` more entries into the kept totals, commit, and return how many they were.

        Takes in only entries that no running transaction can still precede. Sums before and after are equal;
        reading them costs less. Ends the unit. Two that fold at once do not fold anything twice. Tenants may share
        the limit: what comes to less may leave much behind, only less than a hundredth of it leaves nothing.
        """

    def account_totals(self) -> Sequence[AccountTotal]:
        """Return every visible account with its entries' sum beside what the books state, at one moment."""

    def movement_totals(self) -> Sequence[MovementTotal]:
        """Return the count of each kind of event among the visible ones, and the sum of what those moved."""


class AttemptLog(Protocol):
    """Counted guesses at secrets."""

    def lock(self, subject_id: UUID) -> Attempts:
        """Lock the count of a subject until the unit ends and return it; a subject never seen counts 0.

        The row is made when it is not there, owned by the binding's tenant, so that there is something to lock.
        """


class UnitOfWork(Protocol):
    """One transaction of one binding. Has one owner, is used once, and rolls back unless committed.

    Begins with its first read. Reads come first: `add` and `save` are gathered and sent together by `commit`,
    and a read after them raises StorageMisuse. Everything gathered is committed, or nothing.
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
        """Counted guesses."""

    @property
    def safety(self) -> Safety:
        """Safety settings and actions."""

    @property
    def stream(self) -> Stream:
        """The ledger as one stream, with its seals."""

    @property
    def audit(self) -> Audit:
        """What is checked of the books."""

    @property
    def analytics(self) -> Analytics:
        """The operator's numbers."""

    def add(self, *records: Record) -> None:
        """Gather new records. Adding a LedgerEvent is the only way the ledger changes."""

    def save(self, *records: Record) -> None:
        """Gather new states of records that were read in this unit; the last state of a record counts.

        LedgerEvents, Rounds, RevealedSeeds, StoredAnswers, SafetyActions and Seals are never saved, only added:
        StorageMisuse.
        """

    def commit(self) -> None:
        """Write what was gathered and end the unit.

        Raises AlreadyExists (an added key is there), TransientConflict, IsolationViolation (a record belongs to
        somebody else, or a saved record is not there), StorageUnavailable, OutcomeUnknown; after any of them
        nothing was written, but for OutcomeUnknown, where all or nothing was.
        """

    def __enter__(self) -> Self:
        """Enter; nothing is sent yet."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the unit, rolling back unless it was committed. Never hides the caller's own exception."""


class Directory(Protocol):
    """The one thing readable before a caller's tenant is known. Each call is a transaction of its own."""

    def by_slug(self, slug: str) -> DirectoryEntry | None:
        """Return the tenant of a slug."""

    def by_symbols(self, code_symbols: str) -> DirectoryEntry | None:
        """Return the agent whose codes start with these symbols."""

    def by_tenant(self, tenant_id: UUID) -> DirectoryEntry | None:
        """Return the tenant of an id."""

    def operators(self) -> Sequence[DirectoryEntry]:
        """Return the isolation roots, the platform included, by id."""

    def set_status(self, tenant_id: UUID, status: TenantStatus) -> None:
        """List a tenant's new status. A tenant that is not listed is left unlisted."""

    def register(self, entry: DirectoryEntry) -> Literal["done", "slug", "code_symbols"]:
        """List a tenant; listing it again replaces its entry. Returns "done".

        Returns instead the name of the field that already belongs to another tenant; nothing was listed then.
        Raises IsolationViolation when the tenant is listed under another operator or kind.
        """


class GameFiles(Protocol):
    """Every version of a game that was ever played, by its hash. They belong to nobody and never change.

    Each call is a transaction of its own.
    """

    def keep(self, game: Game) -> None:
        """Return once the game's canonical file is kept for ever. Costs nothing when it was kept before."""

    def find(self, version: str) -> bytes | None:
        """Return the canonical file of a version, None when it was never kept."""


class Storage(Protocol):
    """Where the books are kept."""

    @property
    def directory(self) -> Directory:
        """The directory of tenants."""

    @property
    def game_files(self) -> GameFiles:
        """The games that were played."""

    def begin(self, binding: Binding) -> UnitOfWork:
        """Return a new unit of work that sees through `binding`. Nothing is sent yet."""

    def begin_owner_read(self) -> UnitOfWork:
        """Return a unit that reads across all operators for the platform's owner, and can write nothing.

        Any attempt to lock or write raises IsolationViolation.
        """

    def check(self) -> None:
        """Return when the storage answers. Raises StorageUnavailable."""

    def close(self) -> None:
        """Give back what the storage holds. May be called again."""
