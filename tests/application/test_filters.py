"""Lists as a desk asks for them: by status, the last symbols of a code, the player, and time."""

from datetime import timedelta

from playtime.application.access import StaffPrincipal
from playtime.application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from playtime.contracts.doubles import START
from playtime.domain.play.players import PlayerStatus
from playtime.domain.vouchers.vouchers import VoucherStatus

from support.day import EVERYTHING, Day

INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def test_vouchers_by_status_code_player_and_time(day: Day) -> None:
    vouchers = []
    for _ in range(4):
        vouchers.append(day.sell(1000))
        day.clock.advance(hours=1)
    first, second, third, last = vouchers
    guest = day.guest(day.redeem(first))
    day.redeem(second, guest)
    day.engine.void_voucher(day.agent.head, third.voucher_id)
    day.sell(1000, day.sister)

    def found(who: StaffPrincipal = day.agent.head, **only: object) -> list[object]:
        rows = day.engine.list_vouchers(who, VoucherFilter(**only), EVERYTHING)  # type: ignore[arg-type] # as given
        return [row.voucher_id for row in rows]

    ids = [voucher.voucher_id for voucher in vouchers]
    assert found() == ids[::-1]
    assert found(status=VoucherStatus.REDEEMED) == [ids[1], ids[0]]
    assert found(status=VoucherStatus.VOIDED) == [ids[2]]
    assert found(status=VoucherStatus.ISSUED) == [ids[3]]
    assert found(status=VoucherStatus.EXPIRED) == []
    assert found(player_id=guest.player_id) == [ids[1], ids[0]]
    assert found(player_id=guest.player_id, status=VoucherStatus.VOIDED) == []
    symbols = last.code.replace("-", "")
    for length in (1, 4, len(symbols)):
        assert ids[3] in found(code_ends=symbols[-length:])
    assert found(code_ends=symbols) == [ids[3]]
    assert found(code_ends=symbols[-4:], status=VoucherStatus.REDEEMED) == []
    assert found(since=START + HOUR) == ids[:0:-1]
    assert found(since=START + HOUR + INSTANT) == ids[:1:-1]
    assert found(until=START + HOUR) == [ids[0]]
    assert found(since=START + HOUR, until=START + 2 * HOUR) == [ids[1]]
    assert found(day.sister.head, player_id=guest.player_id) == []
    assert len(found(day.north.head)) == 5
    page = day.engine.list_vouchers(
        day.agent.head, VoucherFilter(player_id=guest.player_id), Page(limit=1, before=ids[1])
    )
    assert [row.voucher_id for row in page] == [ids[0]]


def test_players_by_status_code_and_time(day: Day) -> None:
    guests = []
    for _ in range(3):
        guests.append(day.welcome(1000))
        day.clock.advance(hours=1)
    other = day.welcome(1000, day.sister)
    day.engine.close_player(day.agent.head, guests[1].player_id)
    ids = [guest.player_id for guest in guests]

    def found(who: StaffPrincipal = day.agent.head, **only: object) -> list[object]:
        rows = day.engine.list_players(who, PlayerFilter(**only), EVERYTHING)  # type: ignore[arg-type] # as given
        return [row.player_id for row in rows]

    assert found() == ids[::-1]
    assert found(status=PlayerStatus.CLOSED) == [ids[1]]
    assert found(status=PlayerStatus.OPEN) == [ids[2], ids[0]]
    symbols = guests[0].login_code.replace("-", "")
    assert found(code_ends=symbols) == [ids[0]]
    assert ids[0] in found(code_ends=symbols[-3:])
    assert found(code_ends=symbols, status=PlayerStatus.CLOSED) == []
    assert found(since=START + HOUR, until=START + 2 * HOUR) == [ids[1]]
    assert found(until=START + INSTANT) == [ids[0]]
    assert found(day.sister.head) == [other.player_id]
    assert found(day.north.head, tenant_id=day.sister.tenant_id) == [other.player_id]
    assert found(tenant_id=day.sister.tenant_id) == []


def test_events_by_player_and_time(day: Day) -> None:
    guest = day.welcome(1000)
    # Within the hour after which the session's reality check is due.
    day.clock.advance(minutes=59)
    played_at = day.clock.now()
    day.spin(guest, 10)
    only = LedgerFilter(player_id=guest.player_id, since=played_at)
    rows = day.engine.list_ledger(day.agent.head, only, EVERYTHING)
    assert {row.occurred_at for row in rows} == {played_at}
    assert {row.action_id for row in rows} == {rows[0].action_id}
    early = day.engine.list_ledger(
        day.agent.head, LedgerFilter(player_id=guest.player_id, until=played_at), EVERYTHING
    )
    assert {row.occurred_at for row in early} == {START}
    assert day.engine.list_ledger(day.sister.head, LedgerFilter(player_id=guest.player_id), EVERYTHING) == []
