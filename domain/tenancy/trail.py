"""The audit trail: the actions and logins of staff, one event each. It is separate from the ledger of coins."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from attrs import field, frozen


class ActionName(StrEnum):
    """The stable names of the actions in the trail."""

    LOGIN = "staff.login"
    REFRESH = "staff.refresh"
    LOGOUT = "staff.logout"
    END_SESSION = "staff.end_session"
    CHANGE_PASSWORD = "staff.change_password"  # noqa: S105 - the name of an action
    RESET_PASSWORD = "staff.reset_password"  # noqa: S105 - the name of an action
    CREATE_STAFF = "staff.create"
    DEACTIVATE_STAFF = "staff.deactivate"
    CREATE_TENANT = "tenant.create"
    SUSPEND_TENANT = "tenant.suspend"
    RESUME_TENANT = "tenant.resume"
    GIVE_CREDIT = "credit.give"
    RETURN_CREDIT = "credit.return"
    ISSUE_VOUCHERS = "voucher.issue"
    SHOW_PINS_AGAIN = "voucher.show_pins_again"
    VOID_VOUCHER = "voucher.void"
    PRINT_VOUCHERS = "voucher.print"
    CLOSE_PLAYER = "player.close"
    SET_SAFETY = "safety.set"
    CONFIGURE_GAME = "game.configure"
    EXPORT = "books.export"
    RUN_AUDIT = "books.audit"


@frozen(kw_only=True)
class StaffAction:
    """An action that a member of staff asks for: its name, and the kind and the id or name of its object."""

    name: ActionName
    object_kind: str
    object_id: str | None = None


@frozen(kw_only=True)
class TrailEvent:
    """One action of a member of staff. It is written once, in the transaction of the action, and never changed.

    `tenant_id` is the tenant of the actor. If the platform's owner acts in an operator, it is the operator.
    `refusal` is the code of a refused action. `before` and `after` hold what changed, and never a secret.
    """

    event_id: UUID
    operator_id: UUID
    tenant_id: UUID
    occurred_at: datetime
    action: ActionName
    actor_id: UUID | None
    actor_name: str | None
    actor_role: str | None
    object_kind: str
    object_id: str | None = None
    refusal: str | None = None
    before: Mapping[str, Any] = field(factory=dict)
    after: Mapping[str, Any] = field(factory=dict)
    source: str | None = None
    request_id: str | None = None
