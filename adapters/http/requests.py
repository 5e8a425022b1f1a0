"""Requests and their bounds: the decoders and the OpenAPI document are made of these classes.

The attributes have the names of the wire format, so that requests and their documentation have one set of names. A
name that Python reserves has an underscore after it (`from_` is `from`).
"""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from attrs import frozen
from msgspec import Meta

from ...application.answers import LONGEST_ACTION_ID
from ...application.tenancy.credit import LONGEST_MEMO, checked_memo
from ...application.vouchers.redemption import read_pass_code
from ...application.vouchers.sales import LARGEST_BATCH
from ...domain.access.codes import LONGEST_TYPED
from ...domain.access.passwords import LONGEST_TYPED_PASSWORD, checked_form
from ...domain.access.pins import parse_pin
from ...domain.games.fairness import LONGEST_CLIENT_SEED, checked_client_seed
from ...domain.ledger.events import EventType
from ...domain.limits.exclusions import FEWEST_MONTHS, MOST_MONTHS, CoolOff
from ...domain.limits.limits import MINUTES_OF_A_DAY, LimitKind
from ...domain.local_time import DEFAULT_TIMEZONE, LONGEST_TIMEZONE, require_timezone
from ...domain.money import MAX_AMOUNT_MINOR
from ...domain.play.players import PlayerStatus
from ...domain.tenancy.staff import (
    LONGEST_USERNAME,
    Role,
    checked_username,
)
from ...domain.tenancy.tenants import LONGEST_NAME, LONGEST_SLUG, TenantKind, checked_name, checked_slug
from ...domain.vouchers.vouchers import MAX_VOUCHER_MINOR, VoucherStatus

# `$` alone would let a line feed through at the very end, in Python.
# Tabs and line ends are blanks, which codes and PINs may have anywhere.
NO_CONTROLS_BUT_BLANKS: Final = r"^[^\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]*$(?!\n)"
NO_CONTROLS: Final = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
PRINTABLE_ASCII: Final = r"^[ -~]+$(?!\n)"

MAX_ROWS: Final = 200
DEFAULT_ROWS: Final = 50
LONGEST_TOKEN: Final = 4096


@frozen
class FieldRule:
    """A rule of a field's value beside its form, which the use case requires.

    A request that is refused for its form is checked by it as well, so that the answer has all faults.
    """

    check: Callable[[Any, str], object]
    """Raises InvalidInput for a value and its field's name."""


_MINOR: Final = "Minor units, as a whole number: written without fraction or exponent."
Amount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT_MINOR, description=_MINOR)]
VoucherAmount = Annotated[int, Meta(ge=1, le=MAX_VOUCHER_MINOR, description=_MINOR)]
Typed = Annotated[str, Meta(min_length=1, max_length=LONGEST_TYPED, pattern=NO_CONTROLS)]
"""The key of a game or the like, as somebody typed it: whether it is known is found out where it is looked up."""
TypedCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_TYPED,
        pattern=NO_CONTROLS_BUT_BLANKS,
        description="Read in any case, with dashes and blanks anywhere, I and L as 1, O as 0.",
    ),
]
"""A code or PIN as somebody typed it."""
TypedPin = Annotated[TypedCode, FieldRule(lambda text, _: parse_pin(text))]
TypedPass = Annotated[TypedCode, FieldRule(lambda text, _: read_pass_code(text))]
Username = Annotated[str, Meta(min_length=1, max_length=LONGEST_USERNAME, pattern=NO_CONTROLS)]
Password = Annotated[str, Meta(min_length=1, max_length=LONGEST_TYPED_PASSWORD)]
Slug = Annotated[str, Meta(min_length=1, max_length=LONGEST_SLUG, pattern=NO_CONTROLS)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=NO_CONTROLS)]
Memo = Annotated[str, Meta(min_length=1, max_length=LONGEST_MEMO, pattern=NO_CONTROLS), FieldRule(checked_memo)]
NewUsername = Annotated[Username, FieldRule(checked_username)]
NewPassword = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_TYPED_PASSWORD, pattern=NO_CONTROLS), FieldRule(checked_form)
]
NewSlug = Annotated[Slug, FieldRule(checked_slug)]
NewName = Annotated[Name, FieldRule(checked_name)]
Token = Annotated[str, Meta(min_length=1, max_length=LONGEST_TOKEN, pattern=PRINTABLE_ASCII)]
ClientSeed = Annotated[
    str,
    Meta(min_length=1, max_length=LONGEST_CLIENT_SEED, pattern=NO_CONTROLS),
    FieldRule(lambda text, _: checked_client_seed(text)),
]
ActionId = Annotated[str, Meta(min_length=1, max_length=LONGEST_ACTION_ID, pattern=PRINTABLE_ASCII)]
Cursor = Annotated[
    str,
    Meta(
        min_length=22,
        max_length=22,
        pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$(?!\n)",
        extra={"form": "the `nextCursor` of an answer"},
    ),
]
"""The 128 bits of an id in base64url, of whose last symbol two bits are used."""
Limit = Annotated[int, Meta(ge=1, le=MAX_ROWS)]
Minutes = Annotated[int, Meta(ge=1, le=MINUTES_OF_A_DAY)]
Months = Annotated[int, Meta(ge=FEWEST_MONTHS, le=MOST_MONTHS)]
BatchSize = Annotated[int, Meta(ge=1, le=LARGEST_BATCH)]
CodeEnd = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_TYPED,
        pattern=NO_CONTROLS_BUT_BLANKS,
        description="The last symbols of a code, read as codes are: any case, dashes and blanks anywhere.",
    ),
]
Timezone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_TIMEZONE,
        pattern=NO_CONTROLS,
        description=f"An IANA timezone, such as {DEFAULT_TIMEZONE}.",
        extra={"form": f"an IANA timezone, such as {DEFAULT_TIMEZONE} or UTC"},
    ),
    FieldRule(require_timezone),
]
Since = Annotated[datetime, Meta(tz=True, description="From this moment on, this one included.")]
Until = Annotated[datetime, Meta(tz=True, description="Before this moment, this one left out.")]


class ListFormat(StrEnum):
    """The format of a list: a page of JSON, or all matching rows as CSV, which ignores `limit` and `cursor`."""

    JSON = "json"
    CSV = "csv"


Excel = Annotated[bool, Meta(description="Begin a CSV with a byte order mark, for Excel.")]


class Paper(StrEnum):
    """The paper of a sheet."""

    A4 = "a4"
    ROLL = "80mm"


@frozen(kw_only=True)
class Nothing:
    """A command that says all by its address; a body may be left out."""


@frozen(kw_only=True)
class StaffCredentials:
    """The login of a member of staff; the platform's owner names no tenant."""

    username: Username
    password: Password
    tenant: Slug | None = None


@frozen(kw_only=True)
class PasswordChange:
    """The caller's present password, and the next one."""

    oldPassword: Password
    newPassword: NewPassword


@frozen(kw_only=True)
class PasswordReset:
    """The password with which somebody logs in next, to change it then."""

    password: NewPassword


@frozen(kw_only=True)
class RefreshRequest:
    """The refresh token of the last log-in or refresh; each is good once."""

    refreshToken: Token


@frozen(kw_only=True)
class VoucherOrder:
    """A voucher to be sold; its bonus of a half is added and paid by the agent."""

    amountMinor: VoucherAmount


@frozen(kw_only=True)
class BatchOrder:
    """A batch of equal vouchers to be sold, all of them or none."""

    amountMinor: VoucherAmount
    count: BatchSize


@frozen(kw_only=True)
class SheetQuery:
    """The layout of a sheet, and the timezone of its times; by default the agent's."""

    paper: Paper = Paper.A4
    timezone: Timezone | None = None


@frozen(kw_only=True)
class Redemption:
    """The code and PIN of a voucher, and the play pass that the new account is tied to."""

    code: TypedCode
    pin: TypedPin
    playPass: TypedPass | None = None


@frozen(kw_only=True)
class LimitRequest:
    """A limit of the player's own: `limitMinor` goes with losses, `limitMinutes` with time."""

    kind: LimitKind
    limitMinor: Amount | None = None
    limitMinutes: Minutes | None = None


@frozen(kw_only=True)
class LimitChoice:
    """One of the player's own limits."""

    kind: LimitKind


@frozen(kw_only=True)
class CoolOffRequest:
    """A cool-off of a day, a week or 30 days, which nobody can end early."""

    period: CoolOff


@frozen(kw_only=True)
class SelfExclusionRequest:
    """A self-exclusion of 6 to 60 months, which nobody can end early."""

    months: Months


@frozen(kw_only=True)
class PlayerCredentials:
    """The login code and PIN that a player got with the first voucher."""

    loginCode: TypedCode
    pin: TypedPin


@frozen(kw_only=True)
class SpinRequest:
    """A stake on a game. Name it with an `actionId` of your own to be able to ask again for its answer."""

    stakeMinor: Amount
    gameKey: Typed
    actionId: ActionId | None = None


@frozen(kw_only=True)
class Rotation:
    """The rotation of the server seed. A missing client seed stays the same."""

    clientSeed: ClientSeed | None = None


@frozen(kw_only=True)
class TenantRequest:
    """An operator or agent to be made."""

    slug: NewSlug
    name: NewName
    kind: TenantKind
    parentId: UUID | None = None
    region: NewName | None = None


@frozen(kw_only=True)
class CreditRequest:
    """An amount to be moved between a tenant and the one above it."""

    amountMinor: Amount
    memo: Memo


@frozen(kw_only=True)
class StaffRequest:
    """A member of staff to be made, of the caller's own tenant unless another is named."""

    username: NewUsername
    password: NewPassword
    role: Role
    tenantId: UUID | None = None


@frozen(kw_only=True)
class ListQuery:
    """A page of a list: at most `limit` rows after the page with this `nextCursor`."""

    limit: Limit = DEFAULT_ROWS
    cursor: Cursor | None = None


@frozen(kw_only=True)
class StaffQuery(ListQuery):
    """A filter of members of staff."""

    tenantId: UUID | None = None


@frozen(kw_only=True)
class VouchersQuery(ListQuery):
    """A filter of vouchers, by the time of issue."""

    status: VoucherStatus | None = None
    codeEnds: CodeEnd | None = None
    playerId: UUID | None = None
    from_: Since | None = None
    to: Until | None = None
    format: ListFormat = ListFormat.JSON
    excel: Excel = False


@frozen(kw_only=True)
class PlayersQuery(ListQuery):
    """A filter of players, by the time of their creation."""

    tenantId: UUID | None = None
    status: PlayerStatus | None = None
    codeEnds: CodeEnd | None = None
    from_: Since | None = None
    to: Until | None = None


@frozen(kw_only=True)
class LedgerQuery(ListQuery):
    """A filter of ledger events, by their time."""

    tenantId: UUID | None = None
    playerId: UUID | None = None
    eventType: EventType | None = None
    from_: Since | None = None
    to: Until | None = None
    format: ListFormat = ListFormat.JSON
    excel: Excel = False


def wire_name(attribute: str) -> str:
    """Return the name on the wire of an attribute of a request."""
    return attribute.rstrip("_")
