"""Views of the ledger: a reader sees the entries in scope, and no balance of the tenant above."""

from playtime.application.access import StaffPrincipal
from playtime.application.ledger.books import EventRecord
from playtime.domain.ledger.events import EventType

from support.day import Day


def credit_moved(day: Day, reader: StaffPrincipal) -> EventRecord:
    events = day.engine.list_ledger(reader)
    return next(event for event in events if event.event_type is EventType.CREDIT_MOVED)


def test_agent_sees_its_credit_and_not_its_operators_balance(day: Day) -> None:
    day.fund(day.agent, 1000)
    seen = credit_moved(day, day.agent.head)
    assert seen.amount_minor == 1000
    assert seen.to_balance_minor == day.balance(day.agent)
    assert seen.from_balance_minor is None


def test_the_operator_and_the_owner_see_both_sides(day: Day) -> None:
    day.fund(day.agent, 1000)
    for reader in (day.north.head, day.owner):
        seen = credit_moved(day, reader)
        assert seen.from_balance_minor == day.balance(day.north)
        assert seen.to_balance_minor == day.balance(day.agent)
