"""Games: the figures of each game beside its odds, and an alarm that can be watched at any time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from attrs import frozen

from ...domain.games.game import Game
from ...domain.games.inference import Odds, has_drifted, rtp_interval
from ...domain.games.rtp_alarm import GameTotals, is_possible, largest_possible_stake
from ...domain.ledger.events import EventSource
from ...domain.ledger.totals import Totals, ratio
from ...domain.periods import FIRST_MOMENT, Period
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, Dimension
from ..wire import record_from
from .reader import (
    PREVIOUS,
    AnalyticsReader,
    AnalyticsReport,
    AnalyticsRequest,
    Key,
    KnownOdds,
    PlayRecord,
    by_key,
    play_record,
    ratio_text,
)

_BEFORE, _NOW = 1, 2
"""The buckets of the query; all buckets together are the time since the beginning."""


@frozen(kw_only=True)
class GameFigures:
    """One game of ours or an external one. `volume` is its share of the handle of all games of its source.

    `drifted` says that its wins since the beginning lie further from its odds than chance takes them. Chance alone
    does so for one in a thousand games at most, however often anyone looks. This is proved for our own games, and
    an approximation for external ones. None if the odds are not known, or after too few external spins.
    """

    game_key: str | None
    provider: str | None
    source: EventSource
    spins: int
    hits: int
    handle_minor: int
    payout_minor: int
    rtp: str | None
    rtp_low: str | None
    rtp_high: str | None
    expected_rtp: str | None
    hit_rate: str | None
    expected_hit_rate: str | None
    volatility: str | None
    drifted: bool | None
    volume: str | None
    previous: PlayRecord | None


@frozen
class GamesData:
    """Every game played in the period, the one with the largest handle first."""

    games: Sequence[GameFigures]


@frozen
class ReadGames(AnalyticsReader):
    """Reads the figures of games."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[GamesData]:
        """Return the report. Raises Forbidden, InvalidInput."""
        odds = self._odds(principal)
        by = (Dimension.GAME, Dimension.PROVIDER)
        own: dict[str | None, Game] = {game.game_key: game for game in self.games}

        def read(analytics: Analytics, period: Period) -> GamesData:
            start = min(FIRST_MOMENT, period.before.since) - timedelta(days=1)
            edges = [start, period.before.since, period.since, period.until]
            parts = analytics.play.totals(edges, request.only, by)
            now = by_key(part for part in parts if part.bucket == _NOW)
            before = by_key(part for part in parts if part.bucket == _BEFORE)
            compared = before if request.compare == PREVIOUS else None
            return GamesData(_games(now, by_key(parts), compared, (odds, own)))

        return self._report(principal, request, read)


def _games(
    now: Mapping[Key, Totals],
    so_far: Mapping[Key, Totals],
    before: Mapping[Key, Totals] | None,
    known: tuple[KnownOdds, Mapping[str | None, Game]],
) -> list[GameFigures]:
    rows = []
    odds, own = known
    for source in EventSource:
        handle_minor = sum(_of(source, totals).handle_minor for totals in now.values())
        for key, all_totals in now.items():
            totals = _of(source, all_totals)
            if not totals.spins and not totals.hits:
                continue
            previous = None if before is None else play_record(_of(source, before.get(key, Totals())))
            game_odds = odds.of(source, key[0])
            game = own.get(key[0]) if source is EventSource.PLAYTIME else None
            drifted = _drifted(_of(source, so_far[key]), game_odds, game)
            about = (source, handle_minor, previous, drifted)
            rows.append(_game(key, totals, game_odds, about))
    return sorted(rows, key=lambda row: (-row.handle_minor, str(row.game_key), row.source))


def _game(
    key: Key,
    totals: Totals,
    odds: Odds | None,
    about: tuple[EventSource, int, PlayRecord | None, bool | None],
) -> GameFigures:
    source, handle_minor, previous, drifted = about
    variance = None if odds is None else odds.variance
    interval = None
    if variance is not None:
        interval = rtp_interval(
            handle_minor=totals.handle_minor,
            payout_minor=totals.payout_minor,
            variance=variance * totals.squares,
        )
    return record_from(
        GameFigures,
        totals,
        game_key=key[0],
        provider=key[1],
        source=source,
        rtp=ratio_text(totals.rtp),
        rtp_low=None if interval is None else ratio_text(interval.low),
        rtp_high=None if interval is None else ratio_text(interval.high),
        expected_rtp=None if odds is None else ratio_text(odds.rtp),
        hit_rate=ratio_text(totals.hit_rate),
        expected_hit_rate=None if odds is None else ratio_text(odds.hit_rate),
        volatility=None if odds is None else ratio_text(odds.volatility),
        drifted=drifted,
        volume=ratio_text(ratio(totals.handle_minor, handle_minor)),
        previous=previous,
    )


def _drifted(so_far: Totals, odds: Odds | None, game: Game | None) -> bool | None:
    staked, squares = so_far.handle_minor, so_far.squares
    if not staked:
        return None
    if game is not None:
        rounds = so_far.spins
        largest = largest_possible_stake(game, rounds=rounds, staked_minor=staked, staked_squares=squares)
        play = GameTotals(game.game_key, rounds, staked, so_far.payout_minor, squares, largest)
        return not is_possible(game, play)
    if odds is None:
        return None
    return has_drifted(odds, payout_minor=so_far.payout_minor, handle_minor=staked, squares=squares)


def _of(source: EventSource, totals: Totals) -> Totals:
    return totals if source is EventSource.PLAYTIME else totals.external
