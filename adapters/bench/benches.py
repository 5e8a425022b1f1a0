"""The benchmarks as commands call them. Each is loaded when it is called."""
# ruff: noqa: PLC0415 - imports inside functions: see above

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...application.engine import Engine
from ...application.ports.services import Clock, Ids
from ...domain.games.game import Game

if TYPE_CHECKING:
    from .analytics import BenchDatabase
    from .spin.bench import OpenMeasured

Print = Callable[[str], None]
"""Prints a line."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows a progress bar with a label and a length; gives the function that moves it on."""


@frozen(kw_only=True)
class ComposedBenches:
    """The benchmarks, with the parts of the product that they need."""

    load_games: Callable[[], Sequence[Game]]
    open_memory_engine: Callable[[Clock, Ids], AbstractContextManager[Engine]]
    open_database: Callable[[], AbstractContextManager[tuple[Engine, "BenchDatabase"]]]
    open_measured: "OpenMeasured"

    def games(self, *, rounds: int, show: Print) -> None:
        """Time odds sheets and rounds."""
        from .games import measure_games

        measure_games(self.load_games(), rounds=rounds, show=show)

    def returns(self, *, show: Print, **options: int) -> bool:
        """Measure the alarm of drifting games. Returns whether false alarms are as rare as promised."""
        from .returns import measure_returns

        return measure_returns(self.load_games(), show=show, **options)

    def safety(self, *, sessions: int, seed: int, show: Print) -> bool:
        """Measure the safety engine. Returns whether its aims are met."""
        from .safety import measure_safety

        return measure_safety(self.open_memory_engine, sessions=sessions, seed=seed, show=show)

    def analytics(self, *, show: Print, progress: Progress, **options: int) -> None:
        """Fill an operator of its own with made-up play and time every route of analytics. Raises SetupError."""
        from .analytics import AnalyticsBench

        with self.open_database() as (engine, database):
            if database.is_new:
                show(f"Made a new database in {database.home}.")
            bench = AnalyticsBench(engine=engine, open_books=database.bench_books, show=show, progress=progress)
            bench.run(**options)

    def spin(self, *, show: Print, progress: Progress, **options: int) -> Mapping[str, Any]:
        """Measure a spin on a fresh database, which is removed afterwards. Raises SetupError."""
        from .spin.bench import SpinBench
        from .spin.generators import find_generator
        from .spin.phases import Steps

        steps = Steps()
        with self.open_measured(steps) as measured:
            bench = SpinBench(
                measured=measured, steps=steps, generator=find_generator(), show=show, progress=progress
            )
            return bench.run(**options)
