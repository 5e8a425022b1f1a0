"""Settings of the planner, each sent before the queries that need it."""

from enum import StrEnum
from typing import Final

from .channel import Statement

WHOLE_TABLES: Final = Statement(
    "select set_config('statement_timeout', '10min', true), set_config('enable_nestloop', 'off', true),"
    " set_config('enable_mergejoin', 'off', true)"
)
"""The settings of queries over whole tables, which on a large ledger take longer than a request may.

Tables are joined by hashes. A server without statistics would scan one table once for each row of the other: a few
thousand rows would take minutes.
"""


FIRST_ROWS: Final = Statement(
    "select set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)"
)
"""The setting of a query for the first rows of many, in the order of an index.

The planner multiplies the conditions of row security with those of the query, and expects far too few rows. Then
it would fetch and sort all of them: with millions of events before a roll-up, for each batch again. It would do so
without statistics as well.
"""


PLANNED_EACH_TIME: Final = Statement("select set_config('plan_cache_mode', 'force_custom_plan', true)")
"""The setting of look-ups in a table that may have grown since the last one.

A stored plan is of the table as it was then. For an empty table the planner takes any index with the operator in
it, and that plan stays until the server has statistics.
"""


class PlanMode(StrEnum):
    """Points in time at which the server plans a prepared query over a period.

    CUSTOM plans at each execution: the best plan depends on the length of the period. GENERIC plans once: planning
    the query takes longer than running it. HASHED plans as CUSTOM does, and joins by hashes. The planner expects
    few of the events that are not rolled up, and would compare each of many with each player.
    """

    CUSTOM = "force_custom_plan"
    GENERIC = "force_generic_plan"
    HASHED = "hashed"

    @property
    def settings(self) -> Statement:
        """The settings of a query over a period.

        Rows are grouped by hashes: the planner underestimates the rows of a period, and would sort many. No table
        is scanned as a whole: the planner does not know the cost of the row security condition.
        """
        mode, nested = (PlanMode.CUSTOM, "off") if self is PlanMode.HASHED else (self, "on")
        return Statement(
            f"select set_config('plan_cache_mode', '{mode}', true), set_config('work_mem', '32MB', true),"
            f" set_config('enable_nestloop', '{nested}', true),"
            " set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true),"
            " set_config('max_parallel_workers_per_gather', '0', true)"
        )
