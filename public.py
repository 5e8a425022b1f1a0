"""The public surface: every name that a host may rely on. Hosts write `from playtime import ...`.

Everything else in the package is private and may change with any release. These names load neither a web framework
nor a database driver: `open_engine`, `build_container` and `create_app` load what they need when called.
"""
# ruff: noqa: PLC0414 - `X as X` tells type checkers that X is exported

from contextlib import AbstractContextManager as _AbstractContextManager
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Final as _Final

from .adapters.http.error_tally import ErrorTally as ErrorTally
from .adapters.http.errors import content_of as content_of
from .adapters.http.errors import status_of as status_of
from .adapters.http.errors import status_of_code as status_of_code
from .adapters.memory.storage import MemoryStorage as MemoryStorage
from .adapters.system.settings import Settings as Settings
from .application.access import SYSTEM as SYSTEM
from .application.access import PlayerPrincipal as PlayerPrincipal
from .application.access import StaffPrincipal as StaffPrincipal
from .application.answers import Answer as Answer
from .application.engine import Engine as Engine
from .application.errors import AlreadyExists as AlreadyExists
from .application.errors import ClockDiffers as ClockDiffers
from .application.errors import Forbidden as Forbidden
from .application.errors import IdempotencyKeyReused as IdempotencyKeyReused
from .application.errors import InvalidCredentials as InvalidCredentials
from .application.errors import InvalidToken as InvalidToken
from .application.errors import IsolationViolation as IsolationViolation
from .application.errors import NotFound as NotFound
from .application.errors import OutcomeUnknown as OutcomeUnknown
from .application.errors import PasswordChangeRequired as PasswordChangeRequired
from .application.errors import PasswordsBusy as PasswordsBusy
from .application.errors import ReplaySecretExpired as ReplaySecretExpired
from .application.errors import SetupError as SetupError
from .application.errors import StorageError as StorageError
from .application.errors import StorageMisuse as StorageMisuse
from .application.errors import StorageSilent as StorageSilent
from .application.errors import StorageUnavailable as StorageUnavailable
from .application.errors import TenantSuspended as TenantSuspended
from .application.errors import TokenExpired as TokenExpired
from .application.errors import TransientConflict as TransientConflict
from .application.errors import Unauthorized as Unauthorized
from .application.errors import UnknownPlayPass as UnknownPlayPass
from .application.errors import Unwell as Unwell
from .application.errors import VoucherOfOtherAgent as VoucherOfOtherAgent
from .application.ports.analytics import Analytics as Analytics
from .application.ports.analytics import AnalyticsFilter as AnalyticsFilter
from .application.ports.analytics import CodeTally as CodeTally
from .application.ports.analytics import Cohorts as Cohorts
from .application.ports.analytics import CohortTotal as CohortTotal
from .application.ports.analytics import Dimension as Dimension
from .application.ports.analytics import EventTotal as EventTotal
from .application.ports.analytics import NotablePlayers as NotablePlayers
from .application.ports.analytics import Operations as Operations
from .application.ports.analytics import PlayerActivity as PlayerActivity
from .application.ports.analytics import PlayerTotal as PlayerTotal
from .application.ports.analytics import PlayTotals as PlayTotals
from .application.ports.analytics import RetentionCount as RetentionCount
from .application.ports.analytics import StageCount as StageCount
from .application.ports.analytics import ValueDistribution as ValueDistribution
from .application.ports.analytics import ValueSum as ValueSum
from .application.ports.analytics import VoucherJourneys as VoucherJourneys
from .application.ports.audit import Audit as Audit
from .application.ports.audit import Duplicate as Duplicate
from .application.ports.audit import Duplicates as Duplicates
from .application.ports.audit import Extent as Extent
from .application.ports.audit import Found as Found
from .application.ports.audit import Stored as Stored
from .application.ports.audit import Stream as Stream
from .application.ports.bindings import AnswerKey as AnswerKey
from .application.ports.bindings import Binding as Binding
from .application.ports.bindings import StoredAnswer as StoredAnswer
from .application.ports.filters import LedgerFilter as LedgerFilter
from .application.ports.filters import Page as Page
from .application.ports.filters import PlayerFilter as PlayerFilter
from .application.ports.filters import TrailFilter as TrailFilter
from .application.ports.filters import VoucherFilter as VoucherFilter
from .application.ports.games import GameConfigs as GameConfigs
from .application.ports.games import GameFiles as GameFiles
from .application.ports.ledger import Ledger as Ledger
from .application.ports.ledger import ReportContext as ReportContext
from .application.ports.ledger import ReportQuestion as ReportQuestion
from .application.ports.limits import PlayPasses as PlayPasses
from .application.ports.play import FairRound as FairRound
from .application.ports.play import LockedPlayer as LockedPlayer
from .application.ports.play import Players as Players
from .application.ports.play import PlayerView as PlayerView
from .application.ports.rollup import RollUp as RollUp
from .application.ports.safety import ActionCount as ActionCount
from .application.ports.safety import BucketCount as BucketCount
from .application.ports.safety import PlayerSafety as PlayerSafety
from .application.ports.safety import Safety as Safety
from .application.ports.safety import SafetyFilter as SafetyFilter
from .application.ports.safety import SafetyTally as SafetyTally
from .application.ports.safety import SafetyWatch as SafetyWatch
from .application.ports.services import Claims as Claims
from .application.ports.services import Clock as Clock
from .application.ports.services import Ids as Ids
from .application.ports.services import Passwords as Passwords
from .application.ports.services import Randomness as Randomness
from .application.ports.services import Stopwatch as Stopwatch
from .application.ports.services import SweepLog as SweepLog
from .application.ports.services import Tokens as Tokens
from .application.ports.storage import Record as Record
from .application.ports.storage import Storage as Storage
from .application.ports.storage import UnitOfWork as UnitOfWork
from .application.ports.tenancy import Directory as Directory
from .application.ports.tenancy import DirectoryEntry as DirectoryEntry
from .application.ports.tenancy import OpenSessions as OpenSessions
from .application.ports.tenancy import Staff as Staff
from .application.ports.tenancy import Tenants as Tenants
from .application.ports.tenancy import Trail as Trail
from .application.ports.tenancy import Wallets as Wallets
from .application.ports.tenancy import WalletSummary as WalletSummary
from .application.ports.throttling import AttemptLog as AttemptLog
from .application.ports.vouchers import Vouchers as Vouchers
from .contracts.doubles import CountingIds as CountingIds
from .contracts.doubles import QuickPasswords as QuickPasswords
from .contracts.doubles import QuickTokens as QuickTokens
from .contracts.doubles import SeededRandomness as SeededRandomness
from .contracts.doubles import SettableClock as SettableClock
from .domain.access.attempts import Attempts as Attempts
from .domain.access.codes import MalformedCode as MalformedCode
from .domain.access.passwords import PasswordRefused as PasswordRefused
from .domain.errors import DomainError as DomainError
from .domain.errors import InvalidInput as InvalidInput
from .domain.errors import StateRefusal as StateRefusal
from .domain.games.configs import GameConfig as GameConfig
from .domain.games.fairness import MalformedLink as MalformedLink
from .domain.games.fairness import RevealedSeed as RevealedSeed
from .domain.games.fairness import SeedRetired as SeedRetired
from .domain.games.files import InvalidGameFile as InvalidGameFile
from .domain.games.game import StakeOutOfRange as StakeOutOfRange
from .domain.ledger.events import AccountKind as AccountKind
from .domain.ledger.events import EventType as EventType
from .domain.ledger.events import LedgerEvent as LedgerEvent
from .domain.ledger.seals import Seal as Seal
from .domain.ledger.wallet import InsufficientFunds as InsufficientFunds
from .domain.limits.exclusions import CoolingOff as CoolingOff
from .domain.limits.exclusions import Excluded as Excluded
from .domain.limits.exclusions import ExclusionRuns as ExclusionRuns
from .domain.limits.exclusions import SelfExcluded as SelfExcluded
from .domain.limits.limits import LimitRaiseNotPending as LimitRaiseNotPending
from .domain.limits.limits import LimitRaiseTooEarly as LimitRaiseTooEarly
from .domain.limits.limits import OwnLossLimitReached as OwnLossLimitReached
from .domain.limits.limits import OwnTimeLimitReached as OwnTimeLimitReached
from .domain.limits.play_passes import PlayPass as PlayPass
from .domain.limits.play_passes import PlayPassOfOther as PlayPassOfOther
from .domain.limits.reality_checks import RealityCheckDue as RealityCheckDue
from .domain.play.players import Player as Player
from .domain.play.players import PlayerClosed as PlayerClosed
from .domain.play.rounds import Round as Round
from .domain.play.sessions import Session as Session
from .domain.play.sessions import StaffSession as StaffSession
from .domain.safety.actions import CooldownActive as CooldownActive
from .domain.safety.actions import LossLimitLocked as LossLimitLocked
from .domain.safety.actions import LossLimitReached as LossLimitReached
from .domain.safety.actions import PlayStopped as PlayStopped
from .domain.safety.actions import SafetyAction as SafetyAction
from .domain.safety.actions import SafetySettings as SafetySettings
from .domain.safety.actions import TenantHasNoPlayers as TenantHasNoPlayers
from .domain.tenancy.staff import PERMISSIONS as PERMISSIONS
from .domain.tenancy.staff import Permission as Permission
from .domain.tenancy.staff import Role as Role
from .domain.tenancy.staff import RoleNotOfTenant as RoleNotOfTenant
from .domain.tenancy.staff import StaffDeactivated as StaffDeactivated
from .domain.tenancy.staff import StaffMember as StaffMember
from .domain.tenancy.staff import UsernameTaken as UsernameTaken
from .domain.tenancy.tenants import SlugTaken as SlugTaken
from .domain.tenancy.tenants import Tenant as Tenant
from .domain.tenancy.tenants import TenantCannotIssue as TenantCannotIssue
from .domain.tenancy.tenants import TenantKind as TenantKind
from .domain.tenancy.tenants import TenantNotInStatus as TenantNotInStatus
from .domain.tenancy.tenants import TenantStatus as TenantStatus
from .domain.tenancy.tenants import TenantWallet as TenantWallet
from .domain.vouchers.bonuses import Bonus as Bonus
from .domain.vouchers.bonuses import BonusAckRequired as BonusAckRequired
from .domain.vouchers.bonuses import BonusNotPending as BonusNotPending
from .domain.vouchers.vouchers import Voucher as Voucher
from .domain.vouchers.vouchers import VoucherExpired as VoucherExpired
from .domain.vouchers.vouchers import VoucherNotDue as VoucherNotDue
from .domain.vouchers.vouchers import VoucherNotOpen as VoucherNotOpen
from .domain.vouchers.vouchers import VoucherRedeemed as VoucherRedeemed
from .domain.vouchers.vouchers import VoucherVoided as VoucherVoided

if _TYPE_CHECKING:
    from flask import Flask as _Flask

    from .bootstrap import Container as _Container

CONTRACT_SUITE: _Final = "playtime.contracts"
"""The package of the contract suite: `pytest --pyargs playtime.contracts` tests an adapter of your own."""


def open_engine(settings: Settings) -> _AbstractContextManager[Engine]:
    """Open an engine for as long as the `with` block lasts.

    Without a database address it joins or starts the embedded PostgreSQL of `settings.home` and migrates it.
    Raises SetupError with the reason for a database that cannot be used. It is UnsafeDatabase when isolation would
    not hold, and WrongSecrets when it was filled with other secrets.
    """
    from .bootstrap import open_engine as opened  # noqa: PLC0415 - loads the frameworks

    return opened(settings)


def build_container(settings: Settings) -> "_Container":
    """Return the container of an engine, whose parts a host may override. Connects to nothing."""
    from .bootstrap import build_container as built  # noqa: PLC0415 - loads the frameworks

    return built(settings)


def create_app(engine: Engine, *, public_url: str | None = None, errors: ErrorTally | None = None) -> "_Flask":
    """Return the WSGI application that serves an engine over HTTP.

    `public_url` is the address in printed QR codes; without it, sheets are test prints. `errors` counts failed
    requests for analytics; None counts none. Requests under way are not bounded: the host's server does that.
    """
    from .adapters.http.app import create_app as created  # noqa: PLC0415 - loads the framework

    return created(engine, public_url=public_url, errors=errors)
