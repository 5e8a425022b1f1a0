"""The import of events of external games, and the marking of their duplicates."""

import json
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, fields

from playtime.application.access import SYSTEM
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.errors import NotFound
from playtime.application.ledger import dedupe as deduping
from playtime.application.ledger import importing
from playtime.application.ledger.external_events import ExternalEventType
from playtime.application.ledger.importing import Imported
from playtime.application.ledger.ingestion import ExternalEvent
from playtime.application.ports.filters import LedgerFilter
from playtime.contracts.doubles import START
from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import EventSource, EventType, LedgerEvent
from playtime.domain.ledger.seals import canonical, digest_of
from playtime.domain.periods import FIRST_MOMENT
from playtime.domain.tenancy.staff import Role

from support.day import EVERYTHING, LOSE, Day
from support.external_events import external_event, file_of_events
from support.ledger_export import exported, lines_of


def _external(day: Day) -> list[LedgerEvent]:
    with day.storage.begin_owner_read() as unit:
        events = unit.ledger.page(LedgerFilter(), EVERYTHING)
    return sorted((e for e in events if e.source is EventSource.EXTERNAL), key=lambda e: e.action_id)


def _external_figures(day: Day) -> dict[str, int]:
    """Return the overview's figures of external games."""
    asked = AnalyticsRequest(since=START - timedelta(days=1), until=START + timedelta(days=1))
    external = day.engine.read_overview(day.north.head, asked).data.current.elsewhere
    return {name: getattr(external, name) for name in ("spins", "handle_minor", "payout_minor")}


def test_adds_new_events_unchanged(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "IMPORT_BATCH", 2)
    events = [external_event(day, number) for number in range(5)]
    before = [book.accounts for book in day.books()]
    assert day.engine.import_ledger(file_of_events(day, events[:3])) == Imported(3, 0, 0)
    assert day.engine.import_ledger(file_of_events(day, events)) == Imported(2, 3, 0)
    assert day.engine.import_ledger(file_of_events(day, events)) == Imported(0, 5, 0)
    found = _external(day)
    assert [evolve(one, event_id=sent.event_id) for one, sent in zip(found, events, strict=True)] == events
    assert not {one.event_id for one in found} & {sent.event_id for sent in events}, "ids of their own"
    assert [book.accounts for book in day.books()] == before, "no account has moved"
    assert day.engine.run_audit(SYSTEM).findings == []


def test_a_name_that_stands_twice_in_a_file_is_added_once(day: Day) -> None:
    twice = [external_event(day, 1), external_event(day, 1, event_id=UUID(int=1))]
    assert day.engine.import_ledger(file_of_events(day, twice)) == Imported(1, 1, 0)


@pytest.mark.parametrize("already", [False, True], ids=["in the file", "in the books"])
def test_an_event_that_conflicts_is_counted_and_noted(day: Day, *, already: bool) -> None:
    """The event in the books stays as it is. A second import notes nothing more."""
    one, other = external_event(day, 1), external_event(day, 2, action_id="their-1")
    if already:
        assert day.engine.import_ledger(file_of_events(day, [one])) == Imported(1, 0, 0)
    assert day.engine.import_ledger(file_of_events(day, [one, other])) == Imported(not already, already, 0, 1)
    assert day.engine.import_ledger(file_of_events(day, [one, other])) == Imported(0, 1, 0, 1)
    (stored,) = _external(day)
    assert stored.amount_minor == one.amount_minor
    (note,) = day.events(only=EventType.EXTERNAL_CONFLICT)
    assert (note.action_id, note.tenant_id) == (str(stored.event_id), day.agent.tenant_id)
    (finding,) = day.engine.run_audit(SYSTEM).findings
    assert (finding.code, finding.sample) == ("EXTERNAL_CONFLICT", (str(stored.event_id),))


def test_goes_into_another_tenants_books_where_one_is_named(day: Day) -> None:
    events = [external_event(day, number, tenant_id=UUID(int=5), player_id=None) for number in range(2)]
    with pytest.raises(InvalidInput, match="line 3: has an unknown tenant"):
        day.engine.import_ledger(file_of_events(day, events))
    assert day.engine.import_ledger(file_of_events(day, events), tenant="south-a") == Imported(2, 0, 0)
    stranger = day.stranger
    assert {(e.operator_id, e.tenant_id, e.agent_id) for e in _external(day)} == {
        (stranger.operator_id, stranger.tenant_id, stranger.tenant_id)
    }
    assert day.engine.import_ledger(file_of_events(day, events), tenant="north") == Imported(2, 0, 0)
    with pytest.raises(NotFound):
        day.engine.import_ledger(file_of_events(day, events), tenant="nowhere")


TENANTS = (None, "north", "north-a")
OF_OTHERS = {
    "nobody": "playerId must be a player of the operator",
    "south": "playerId must be a player of the operator",
    "sister": "playerId must be a player of the agent",
    "another's session": "sessionId must be a session of the player",
    "a session alone": "sessionId must be a session of the player",
    "an unknown session": "sessionId must be a session of the player",
}


class TestIds:
    """Players and sessions are checked as for POST /events, whether a tenant is named or the file names it."""

    @pytest.mark.parametrize(
        ("tenant", "of"),
        # An operator's event may have a player of any agent.
        [(tenant, of) for tenant in TENANTS for of in OF_OTHERS if (tenant, of) != ("north", "sister")],
    )
    def test_of_others_are_refused(
        self, day: Day, monkeypatch: pytest.MonkeyPatch, tenant: str | None, of: str
    ) -> None:
        monkeypatch.setattr(importing, "IMPORT_BATCH", 2)
        given, reason = self._given(day)[of], OF_OTHERS[of]
        for at in (0, 4):
            events = [external_event(day, number, **(given if number == at else {})) for number in range(5)]
            with pytest.raises(InvalidInput, match=f"^line {at + 3}: {reason}$"):
                day.engine.import_ledger(file_of_events(day, events), tenant=tenant)
            assert _external(day) == []
        self._assert_refused_as_a_report(day, given, reason)

    @pytest.mark.parametrize("tenant", TENANTS)
    def test_of_the_player_are_taken(self, day: Day, tenant: str | None) -> None:
        """An event for an operator belongs to the player's agent."""
        guest = day.welcome(1_000)
        ids = {"player_id": guest.player_id, "session_id": guest.principal.session_id}
        events = [external_event(day, 1, **ids), external_event(day, 2)]
        for imported in (Imported(2, 0, 0), Imported(0, 2, 0)):
            assert day.engine.import_ledger(file_of_events(day, events), tenant=tenant) == imported
        found = [evolve(one, event_id=sent.event_id) for one, sent in zip(_external(day), events, strict=True)]
        assert found == events

    def _given(self, day: Day) -> dict[str, dict[str, Any]]:
        guest, other = day.welcome(1_000), day.welcome(1_000)
        return {
            "nobody": {"player_id": UUID(int=77)},
            "south": {"player_id": day.welcome(1_000, day.stranger).player_id},
            "sister": {"player_id": day.welcome(1_000, day.sister).player_id},
            "another's session": {"player_id": guest.player_id, "session_id": other.principal.session_id},
            "a session alone": {"player_id": None, "session_id": guest.principal.session_id},
            "an unknown session": {"player_id": guest.player_id, "session_id": UUID(int=77)},
        }

    def _assert_refused_as_a_report(self, day: Day, given: dict[str, Any], reason: str) -> None:
        provider = day.hire(day.north.tenant_id, day.north.operator_id, "provider", Role.PROVIDER)
        about: dict[str, Any] = {"event_type": ExternalEventType.BET, "action_id": "1", "amount_minor": 1}
        about |= {"game_key": "elsewhere", "provider": "them", "agent_id": day.agent.tenant_id}
        with pytest.raises(InvalidInput) as refused:
            day.engine.ingest_events(provider, [ExternalEvent(**about, **given)])
        assert reason.endswith(refused.value.reason)


def test_an_export_of_our_own_adds_nothing_and_moves_nothing(day: Day, tmp_path: Path) -> None:
    """A file that would double events is refused whole; its other events are already there."""
    day.spin(day.welcome(1_000), 100, LOSE)
    assert day.engine.import_ledger(file_of_events(day, [external_event(day, 1)])) == Imported(1, 0, 0)
    lines = lines_of(exported(day.engine, tmp_path / "ledger"))
    read = partial(iter, lines)
    with pytest.raises(InvalidInput, match="not an external event"):
        day.engine.import_ledger(read)
    imported = day.engine.import_ledger(read, external_only=True)
    assert (imported.added, imported.present) == (0, 1)
    assert imported.left_out == len(lines) - 1 - sum(b"eventId" not in line for line in lines)
    assert len(_external(day)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amountMinor", -1),
        ("amountMinor", 10**12 + 1),
        ("amountMinor", 1.5),
        ("amountMinor", True),
        ("eventType", "CREDIT_ISSUED"),
        ("eventType", "DUPLICATE_OF"),
        ("eventType", "NOTHING"),
        ("actorId", "nobody"),
        ("actionId", ""),
        ("playerId", 7),
        ("eventType", "SPIN"),
        ("gameKey", 7),
        ("gameKey", None),
        ("gameKey", ""),
        ("gameKey", "x" * 65),
        ("gameKey", "x" * 100_000),
        ("provider", "\0"),
        ("provider", "\x85"),
        ("provider", "x" * 121),
        ("provider", "Ac\u200bme"),
        ("provider", "\u202eemcA"),
        ("provider", "\u00a0"),
        ("provider", " "),
        ("gameKey", "\ufeffwheel"),
        ("region", "no\u2028rth"),
        ("region", "\ud800"),
        ("region", ""),
        ("occurredAt", "yesterday"),
        ("occurredAt", "2026-03-01T12:00:00"),
        ("occurredAt", "2026-03-01"),
        ("occurredAt", "0001-01-01T00:00:00+05:00"),
        ("occurredAt", "1900-01-01T00:00:00Z"),
        ("occurredAt", "9999-12-31T23:59:59Z"),
        ("occurredAt", "9999-12-31T23:59:59-05:00"),
        ("occurredAt", (START + timedelta(minutes=5, microseconds=1)).isoformat()),
        ("meta", None),
        ("meta", [["a", 1]]),
        ("meta", {"a": "\0"}),
        ("meta", {"\0": 1}),
        ("meta", {"a": ["\\\0"]}),
        ("meta", {"a": "\ud800"}),
        ("meta", {"a": float("nan")}),
        ("meta", {"a": float("inf")}),
        ("meta", {"a": "x" * 4_000}),
        ("meta", {"a": json.loads("[" * 20 + "]" * 20)}),
        ("meta", {"a": json.loads("[" * 900 + "]" * 900)}),
        ("source", "PLAYTIME"),
        ("source", None),
    ],
)
def test_file_with_an_invalid_event_is_refused_whole(day: Day, name: str, value: object) -> None:
    lines = list(file_of_events(day, [external_event(day, 1), external_event(day, 2)])())
    bad = json.loads(lines[3]) | {name: value}
    lines[3] = canonical(bad)
    with pytest.raises(InvalidInput, match="line 4: "):
        day.engine.import_ledger(lambda: iter(lines))
    assert _external(day) == []


def test_a_win_of_nothing_cannot_be_taken_in(day: Day) -> None:
    won = external_event(day, 1, event_type=EventType.WIN, reported_minor=0)
    with pytest.raises(InvalidInput, match=r"line 3: .*amount_minor"):
        day.engine.import_ledger(file_of_events(day, [won]))


def test_every_accepted_event_can_be_exported_and_imported_again(day: Day, tmp_path: Path) -> None:
    """Values at the bounds are booked, and do not stop a sweep, an audit, an export or an import."""
    wide: dict[str, Any] = {"game_key": "🎰" * 64, "provider": "🎰" * 120, "region": "ø" * 120}
    given: list[dict[str, Any]] = [
        {"occurred_at": FIRST_MOMENT, **wide},
        {"occurred_at": START + timedelta(minutes=5), "reported_minor": 10**12, "action_id": "~" * 128},
        {"event_type": EventType.SPIN, "reported_minor": 0, "region": None},
        {"meta": {"a": ["\\u0000 \n", -1.5, 10**30, json.loads("[" * 18 + "]" * 18)]}},
        {"occurred_at": START.astimezone(timezone(timedelta(hours=5)))},
    ]
    events = [external_event(day, number, player_id=None, **about) for number, about in enumerate(given, start=1)]
    assert day.engine.import_ledger(file_of_events(day, events)).added == len(events)
    provider = day.hire(day.agent.tenant_id, day.north.operator_id, "provider", Role.PROVIDER)
    reported = [
        ExternalEvent(event_type=kind, action_id="reported", amount_minor=amount, **wide)
        for kind, amount in (
            (ExternalEventType.BET, 10**12),
            (ExternalEventType.WIN, 1),
            (ExternalEventType.LOGOUT, 0),
        )
    ]
    assert day.engine.ingest_events(provider, reported).accepted == len(reported)
    day.engine.sweep()
    assert day.engine.run_audit(SYSTEM).findings == []
    assert all(books.clean for books in day.engine.verify_seals(SYSTEM))
    lines = lines_of(exported(day.engine, tmp_path / "ledger"))
    count = len(events) + len(reported)
    imported = day.engine.import_ledger(lambda: iter(lines), tenant="south-a", external_only=True)
    assert (imported.added, imported.present) == (count, 0)
    found = _external(day)
    about = [field.name for field in fields(LedgerEvent) if field.name not in _OF_THE_BOOKS]
    north, south = (
        [tuple(getattr(event, name) for name in about) for event in found if event.operator_id == operator_id]
        for operator_id in (day.north.operator_id, day.south.operator_id)
    )
    assert len(north) == count
    assert north == south


_OF_THE_BOOKS = frozenset({"event_id", "operator_id", "tenant_id", "agent_id"})


def test_event_of_a_provider_must_satisfy_the_same_rules(day: Day) -> None:
    provider = day.hire(day.agent.tenant_id, day.north.operator_id, "provider", Role.PROVIDER)
    good = ExternalEvent(
        event_type=ExternalEventType.BET, action_id="1", game_key="g", provider="p", amount_minor=1
    )
    wrong: dict[str, dict[str, Any]] = {
        "game_key": {"game_key": "x" * 65},
        "provider": {"provider": "\0"},
        "region": {"region": "\ud800"},
        "occurred_at": {"occurred_at": START.replace(tzinfo=None)},
        "amount_minor": {"amount_minor": 0},
        "action_id": {"action_id": ""},
    }
    for place, about in wrong.items():
        with pytest.raises(InvalidInput) as refused:
            day.engine.ingest_events(provider, [good, evolve(good, **about)])
        assert refused.value.path == f"events[1].{place}"
    assert _external(day) == []


def test_a_file_that_is_not_whole_is_refused(day: Day) -> None:
    lines = list(file_of_events(day, [external_event(day, 1)])())
    for harmed in (lines[:-1], lines[1:], [*lines[:2], *lines[3:]], []):
        with pytest.raises(InvalidInput, match="has changed since its export"):
            day.engine.import_ledger(partial(iter, harmed))
    assert _external(day) == []


def test_forged_event_with_the_true_digest_is_not_booked(day: Day) -> None:
    lines = list(file_of_events(day, [external_event(day, 1)])())
    lines[2] = canonical(json.loads(lines[2]) | {"amountMinor": 999_999, "digest": digest_of(lines[2]).hex()})
    with pytest.raises(InvalidInput, match="has changed since its export"):
        day.engine.import_ledger(lambda: iter(lines))
    assert _external(day) == []


class TestDuplicates:
    def test_are_reported_marked_once_and_nothing_is_deleted(
        self, day: Day, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deduping, "MARKER_BATCH", 2)
        same = [external_event(day, 1, actor_id=UUID(int=90 + number)) for number in range(6)]
        day.engine.import_ledger(file_of_events(day, [*same, external_event(day, 2)]))
        before = _external(day)
        reported = {found.slug: found for found in day.engine.dedupe_ledger()}
        assert [(slug, found.count, found.marked) for slug, found in reported.items()] == [
            ("platform", 0, 0),
            ("north", 5, 0),
            ("south", 0, 0),
        ]
        assert len(reported["north"].first) == 5
        assert day.events(only=EventType.DUPLICATE_OF) == []
        (applied,) = day.engine.dedupe_ledger("north", apply=True)
        assert (applied.count, applied.marked) == (5, 5)
        assert _external(day) == before
        (again,) = day.engine.dedupe_ledger("north", apply=True)
        assert (again.count, again.marked, again.first) == (0, 0, ())
        markers = day.events(only=EventType.DUPLICATE_OF)
        first = min(event.event_id for event in before if event.action_id == same[0].action_id)
        assert {marker.meta["originalId"] for marker in markers} == {str(first)}
        assert {marker.action_id for marker in markers} == {
            str(event.event_id)
            for event in before
            if event.action_id == same[0].action_id and event.event_id != first
        }
        one, original = markers[0], same[0]
        assert (one.source, one.amount_minor, one.actor_id) == (EventSource.PLAYTIME, 0, day.agent.tenant_id)
        names = ("occurred_at", "player_id", "game_key", "provider", "region", "agent_id")
        assert [getattr(one, name) for name in names] == [getattr(original, name) for name in names]
        assert dict(one.meta) | {"eventId": "", "originalId": ""} == {
            "eventId": "",
            "originalId": "",
            "eventType": "BET",
            "amountMinor": 6,
            "markedAt": day.clock.now().isoformat(),
        }
        assert day.engine.run_audit(SYSTEM).findings == []

    @pytest.mark.parametrize("rolled_up", [False, True], ids=["not rolled up", "rolled up"])
    def test_that_are_marked_are_left_out_of_analytics(self, day: Day, *, rolled_up: bool) -> None:
        events = [
            *(external_event(day, 1, actor_id=UUID(int=90 + number)) for number in range(3)),
            *(
                external_event(day, 1, actor_id=UUID(int=90 + n), event_type=EventType.WIN, reported_minor=3)
                for n in range(2)
            ),
            external_event(day, 2),
        ]
        day.engine.import_ledger(file_of_events(day, events))
        if rolled_up:
            day.engine.sweep()
        assert _external_figures(day) == {"spins": 4, "handle_minor": 3 * 6 + 7, "payout_minor": 6}
        day.engine.dedupe_ledger("north", apply=True)
        expected = {"spins": 2, "handle_minor": 6 + 7, "payout_minor": 3}
        assert _external_figures(day) == expected
        day.engine.sweep()
        assert _external_figures(day) == expected
        (rebuilt,) = day.engine.rebuild_analytics(day.north.operator_id)
        assert rebuilt.same
        assert _external_figures(day) == expected
        assert day.engine.run_audit(SYSTEM).findings == []

    @pytest.mark.parametrize("moment", [None, START], ids=["no moment", "whole seconds"])
    def test_are_never_equal_play(self, day: Day, moment: datetime | None) -> None:
        """Three equal bets of a player within a second are three bets."""
        provider = day.hire(day.agent.tenant_id, day.north.operator_id, "provider", Role.PROVIDER)
        bet = ExternalEvent(
            event_type=ExternalEventType.BET,
            action_id="1",
            game_key="elsewhere",
            provider="them",
            amount_minor=100,
            player_id=day.welcome(100).player_id,
            occurred_at=moment,
        )
        reported = [evolve(bet, action_id=str(number)) for number in range(3)]
        assert day.engine.ingest_events(provider, reported).accepted == 3
        assert {(e.occurred_at, e.amount_minor) for e in _external(day)} == {(moment or day.clock.now(), 100)}
        assert {found.count for found in day.engine.dedupe_ledger(apply=True)} == {0}
        assert _external_figures(day)["handle_minor"] == 300

    def test_are_found_after_report_and_import_or_by_two_logins(self, day: Day) -> None:
        player_id = day.welcome(100).player_id
        event = external_event(day, 1, player_id=player_id)
        report = ExternalEvent(
            event_type=ExternalEventType.BET,
            action_id=event.action_id,
            game_key="elsewhere",
            provider="them",
            amount_minor=event.amount_minor,
            player_id=player_id,
            occurred_at=event.occurred_at,
        )
        day.clock.advance(seconds=5)
        for name in ("old", "new"):
            provider = day.hire(day.agent.tenant_id, day.north.operator_id, name, Role.PROVIDER)
            assert day.engine.ingest_events(provider, [report]).accepted == 1
        assert day.engine.import_ledger(file_of_events(day, [event])) == Imported(1, 0, 0)
        (found,) = day.engine.dedupe_ledger("north", apply=True)
        assert (found.count, found.marked) == (2, 2)
        assert _external_figures(day)["handle_minor"] == event.amount_minor

    def test_of_our_own_play_are_none(self, day: Day) -> None:
        guest = day.welcome(1_000)
        day.spin(guest, 100, LOSE)
        day.spin(guest, 100, LOSE)
        assert {found.count for found in day.engine.dedupe_ledger()} == {0}

    def test_at_nobody(self, day: Day) -> None:
        with pytest.raises(NotFound):
            day.engine.dedupe_ledger("north-a")
