"""A suspension holds in every process at once: there is nothing that a process remembers of a tenant's status."""

from collections.abc import Callable
from contextlib import closing

import pytest

from playtime.application.errors import TenantSuspended
from playtime.contracts.doubles import build_engine

from support.day import LOSE, PASSWORD, build_day
from support.postgres.database import TestDatabase


@pytest.mark.parametrize("what", ["agent", "north"])
def test_tokens_are_refused_in_another_process_at_once(own: TestDatabase, what: str) -> None:
    with closing(own.storage()) as storage, closing(own.storage()) as others:
        day = build_day(storage)
        other = build_engine(others, clock=day.clock)
        guest, tenant_id = day.welcome(1_000), getattr(day, what).tenant_id
        cashier = other.staff_login(username="north-a-cashier", password=PASSWORD, tenant="north-a")
        who, game_key = other.authenticate.player(guest.token), other.list_games()[0].game_key
        acts: list[Callable[[], object]] = [
            lambda: other.authenticate.staff(cashier.token),
            lambda: other.refresh_staff(cashier.refresh_token),
            lambda: other.read_player_state(who),
            lambda: other.spin(who, stake_minor=1, game_key=game_key),
            lambda: day.spin(guest, 1, LOSE),
        ]
        # Both have read the tenant's status before.
        acts[0](), acts[3]()
        for _ in range(3):
            day.engine.set_tenant_status.suspend(day.owner, tenant_id)
            for act in acts:
                with pytest.raises(TenantSuspended):
                    act()
            other.set_tenant_status.resume(day.owner, tenant_id)
            assert day.spin(guest, 1, LOSE).code is None
            assert other.authenticate.staff(cashier.token).tenant_id == day.agent.tenant_id
