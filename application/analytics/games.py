"""Games: the figures of each game beside its odds, and an alarm that can be watched at any time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from attrs import frozen

from ...domain.games.drift import GameOutcomes
from ...domain.games.external_alarm import StakeSums, has_left_its_odds
from ...domain.games.inference import Odds, rtp_interval
from ...domain.ledger.events import EventSource, EventType
from ...domain.ledger.totals import Totals, ratio
from ...domain.periods import FIRST_MOMENT, Period
from ..access import StaffPrincipal
from ..game_versions import GameVersions
from ..ports.analytics import Analytics, AnalyticsFilter, Dimension, EventTotal
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


class NotJudged(StrEnum):
    """The reason why a game was not compared with its odds."""

    NO_STAKES = "NO_STAKES"
    """No stake was reported, as for games that send SPIN events."""

    NO_ODDS = "NO_ODDS"
    """The pay table of a version, or an unambiguous game config, is not known."""

    NO_VOLATILITY = "NO_VOLATILITY"
    """The game config has no volatility."""

    FILTERED = "FILTERED"
    """Outcomes of our own games are counted by agent only, and the filter has a cashier or a region."""


Verdict = tuple[bool | None, NotJudged | None]
"""Whether a game has drifted, or the reason why it was not judged."""


@frozen(kw_only=True)
class GameFigures:
    """One game of ours or an external one. `volume` is its share of the handle of all games of its source.

    `drifted` says that its wins since the beginning lie further from its odds than chance takes them. This is
    proved: chance alone does so for one in a thousand games at most, however often anyone looks. Each version of
    our own games is judged by its own odds, and one that has drifted is enough. It is None if the game was not
    judged, and then `not_judged` has the reason.
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
    not_judged: NotJudged | None
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

        def read(analytics: Analytics, period: Period) -> _Played:
            start = min(FIRST_MOMENT, period.before.since) - timedelta(days=1)
            edges = [start, period.before.since, period.since, period.until]
            parts = analytics.play.totals(edges, request.only, (Dimension.GAME, Dimension.PROVIDER))
            return _Played(parts, _outcomes(analytics, request.only))

        report = self._report(principal, request, read)
        # After the unit of work, which would hold a connection while files are read and odds are counted.
        played, versions = report.data, GameVersions(self.games, self.storage.game_files)
        judge = _Judge(odds, versions, played.outcomes)
        compared = played.totals(_BEFORE) if request.compare == PREVIOUS else None
        games = _games(played.totals(_NOW), by_key(played.parts), compared, judge)
        return AnalyticsReport(report.range, GamesData(games))


@frozen
class _Played:
    """The totals of games by bucket, and the outcomes of their rounds, None if the filter excludes these."""

    parts: Sequence[EventTotal]
    outcomes: Sequence[GameOutcomes] | None

    def totals(self, bucket: int) -> dict[Key, Totals]:
        """Return the totals of a bucket by game."""
        return by_key(part for part in self.parts if part.bucket == bucket)


@frozen
class _Judge:
    """Compares games with their odds. `outcomes` is None if the filter asks for a part that is not counted."""

    odds: KnownOdds
    versions: GameVersions
    outcomes: Sequence[GameOutcomes] | None

    def verdict(self, source: EventSource, game_key: str | None, so_far: Totals) -> Verdict:
        """Return whether a game has drifted, by its outcomes if it is ours, or else by its sums."""
        is_own = source is EventSource.PLAYTIME
        return self._of_outcomes(game_key) if is_own else self._of_sums(source, game_key, so_far)

    def _of_outcomes(self, game_key: str | None) -> Verdict:
        if self.outcomes is None:
            return None, NotJudged.FILTERED
        found = {self.versions.has_drifted(played) for played in self.outcomes if played.game_key == game_key}
        if True in found:
            return True, None
        if None in found:
            return None, NotJudged.NO_ODDS
        return (False, None) if found else (None, NotJudged.NO_STAKES)

    def _of_sums(self, source: EventSource, game_key: str | None, so_far: Totals) -> Verdict:
        odds = self.odds.of(source, game_key)
        if not so_far.handle_minor:
            return None, NotJudged.NO_STAKES
        if odds is None:
            return None, NotJudged.NO_ODDS
        if odds.variance is None:
            return None, NotJudged.NO_VOLATILITY
        bets = so_far.of(EventType.BET).events
        sums = StakeSums(bets, so_far.handle_minor, so_far.payout_minor, so_far.squares)
        return has_left_its_odds(odds, sums), None


def _outcomes(analytics: Analytics, only: AnalyticsFilter) -> Sequence[GameOutcomes] | None:
    is_counted = only.cashier_id is None and only.region is None
    return analytics.play.outcomes(only) if is_counted else None


def _games(
    now: Mapping[Key, Totals], so_far: Mapping[Key, Totals], before: Mapping[Key, Totals] | None, judge: _Judge
) -> list[GameFigures]:
    rows = []
    for source in EventSource:
        handle_minor = sum(_of(source, totals).handle_minor for totals in now.values())
        for key, all_totals in now.items():
            totals = _of(source, all_totals)
            if not totals.spins and not totals.hits:
                continue
            previous = None if before is None else play_record(_of(source, before.get(key, Totals())))
            verdict = judge.verdict(source, key[0], _of(source, so_far[key]))
            about = (source, handle_minor, previous, verdict)
            rows.append(_game(key, totals, judge.odds.of(source, key[0]), about))
    return sorted(rows, key=lambda row: (-row.handle_minor, str(row.game_key), row.source))


def _game(
    key: Key,
    totals: Totals,
    odds: Odds | None,
    about: tuple[EventSource, int, PlayRecord | None, Verdict],
) -> GameFigures:
    source, handle_minor, previous, (drifted, not_judged) = about
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
        not_judged=not_judged,
        volume=ratio_text(ratio(totals.handle_minor, handle_minor)),
        previous=previous,
    )


def _of(source: EventSource, totals: Totals) -> Totals:
    return totals if source is EventSource.PLAYTIME else totals.external
