"""The layout of stored buckets: their lengths, levels of detail and sets of players."""

from enum import IntEnum
from typing import Final

from ....domain.games.drift import WHOLE_MULTIPLE

GRAINS_MINUTES: Final = (15, 60, 240, 1440)
"""The lengths of buckets. Each divides the next; the shortest fits the timezones of the whole world."""

GRAIN_EPOCH: Final = "2000-01-01 00:00:00+00"
NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class Detail(IntEnum):
    """Levels of detail. Every event is in one bucket of each level; sets of players have ALL_GAMES besides."""

    ALL_GAMES = -1
    TENANT = 0
    REGION = 1
    CASHIER = 2


DETAILS: Final = (Detail.TENANT, Detail.REGION, Detail.CASHIER)

PLAYERS_A_BLOCK: Final = 1_024
NO_PLAYERS: Final = f"'0'::bit({PLAYERS_A_BLOCK})"


def set_of(position: str) -> str:
    """Return the set, within its block, of the one player at a position."""
    return f"set_bit({NO_PLAYERS}, ({position} % {PLAYERS_A_BLOCK})::integer, 1)"


def marked_by(event: str) -> str:
    """Return the type and the amount of the external event that a duplicate marker removes."""
    case = f"case {event}.event_type when 'DUPLICATE_OF' then"
    return f"""{case} {event}.meta ->> 'eventType' end as marked_type,
        {case} ({event}.meta ->> 'amountMinor')::bigint end as marked_minor"""


VERSION: Final = """coalesce((
        select r.game_version from playtime.rounds r
        where r.operator_id = bets.operator_id and r.player_id = bets.player_id and r.round_id = bets.round_id
    ), '') as game_version"""
"""The game version of the round of a row of `bets`; '' without a round.

The player is named so that both indexes with a round's id find it at once. Without statistics the planner may take
either.
"""


def multiple_of(stake: str, win: str) -> str:
    """Return the multiple of a stake that a win is, in millionths; 0 without a win."""
    return f"coalesce(div({win}::numeric * {WHOLE_MULTIPLE}, {stake}), 0)::bigint"
