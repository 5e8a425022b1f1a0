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


class PlanMode(StrEnum):
    """Points in time at which the server plans a prepared query over a period.

    CUSTOM plans at each execution: the best plan depends on the length of the period. GENERIC plans once: planning
    the query takes longer than running it.
    """

    CUSTOM = "force_custom_plan"
    GENERIC = "force_generic_plan"

    @property
    def settings(self) -> Statement:
        """The settings of a query over a period.

        Rows are grouped by hashes: the planner underestimates the rows of a period, and would sort many. No table
        is scanned as a whole: the planner does not know the cost of the row security condition.
        """
        return Statement(
            f"select set_config('plan_cache_mode', '{self}', true), set_config('work_mem', '32MB', true),"
            " set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true),"
            " set_config('max_parallel_workers_per_gather', '0', true)"
        )
