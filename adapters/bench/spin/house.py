"""The tenants, cashiers and players whose requests are measured."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ....application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from ....application.engine import Engine
from ....application.play.spins import GameRecord
from ....domain.tenancy.staff import Role
from ....domain.tenancy.tenants import TenantKind

OPERATORS: Final = 2
CASHIERS: Final = 4
"""The cashiers of an operator's agent. Each may have a few requests under way at once."""

PASSWORD: Final = "made for measuring"  # noqa: S105 - of a database that is removed afterwards
CREDIT_MINOR: Final = 900_000_000_000
VOUCHER_MINOR: Final = 100_000_000
"""The balance of a player: enough for any number of spins, so that no bonus is triggered."""


@frozen(kw_only=True)
class Guest:
    """A player with an open session, and the secrets for a login."""

    principal: PlayerPrincipal
    login_code: str
    pin: str
    token: str


@frozen(kw_only=True)
class SellingAgent:
    """The agent of an operator, with its cashiers."""

    slug: str
    tenant_id: UUID
    head: StaffPrincipal


@frozen(kw_only=True)
class Population:
    """The operators, their players, and as many players again for the floor."""

    engine: Engine
    desks: Sequence[SellingAgent]
    guests: Sequence[Guest]
    floor_players: Sequence[UUID]
    games: Sequence[GameRecord]
    sample: tuple[str, str]
    """The code and PIN of a voucher: all others are as long."""

    @classmethod
    def built(cls, engine: Engine, players: int) -> "Population":
        """Make everything in an empty database."""
        engine.create_platform()
        desks = [_desk(engine, number) for number in range(OPERATORS)]
        vouchers = _vouchers(engine, desks, 2 * players)
        guests = [_guest(engine, voucher) for voucher in vouchers]
        floor_players = [guest.principal.player_id for guest in guests[players:]]
        return cls(
            engine=engine,
            desks=desks,
            guests=guests[:players],
            floor_players=floor_players,
            games=engine.list_games(),
            sample=(vouchers[0]["code"], vouchers[0]["pin"]),
        )

    def player_tokens(self) -> list[str]:
        """Log all players in again, and return their tokens."""
        log_in = self.engine.player_login
        return [log_in(login_code=guest.login_code, pin=guest.pin).token for guest in self.guests]

    def staff_tokens(self) -> list[tuple[UUID, str]]:
        """Log all cashiers in, and return the tenant and the token of each."""
        return [
            (
                desk.tenant_id,
                self.engine.staff_login(username=_cashier(at), password=PASSWORD, tenant=desk.slug).token,
            )
            for at in range(CASHIERS)
            for desk in self.desks
        ]


def _cashier(number: int) -> str:
    return f"cashier-{number}"


def _desk(engine: Engine, number: int) -> SellingAgent:
    slug = f"bench-{number}"
    operator = engine.create_tenant(SYSTEM, slug=slug, name="Bench", kind=TenantKind.OPERATOR)
    head = SYSTEM.acting_as(Role.OPERATOR, operator.tenant_id, operator.tenant_id)
    agent = engine.create_tenant(head, slug=f"{slug}-agent", name="Agent", kind=TenantKind.AGENT)
    engine.give_credit(SYSTEM, operator.tenant_id, amount_minor=CREDIT_MINOR, memo="bench")
    engine.give_credit(head, agent.tenant_id, amount_minor=CREDIT_MINOR, memo="bench")
    for at in range(CASHIERS):
        engine.create_staff(
            head, username=_cashier(at), password=PASSWORD, role=Role.CASHIER, tenant_id=agent.tenant_id
        )
    return SellingAgent(slug=f"{slug}-agent", tenant_id=agent.tenant_id, head=head)


def _vouchers(engine: Engine, desks: Sequence[SellingAgent], count: int) -> list[dict[str, Any]]:
    """Return vouchers of all desks in turn."""
    share = -(-count // len(desks))
    batches = [
        engine.issue_vouchers(desk.head, desk.tenant_id, amount_minor=VOUCHER_MINOR, count=share).content()
        for desk in desks
    ]
    return [
        voucher for vouchers in zip(*(batch["vouchers"] for batch in batches), strict=True) for voucher in vouchers
    ][:count]


def _guest(engine: Engine, voucher: dict[str, Any]) -> Guest:
    redeemed = engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"]).content()
    return Guest(
        principal=engine.authenticate.player(redeemed["token"]),
        login_code=redeemed["player"]["loginCode"],
        pin=redeemed["player"]["pin"],
        token=redeemed["token"],
    )
