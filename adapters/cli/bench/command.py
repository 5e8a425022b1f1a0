"""Benchmarks: measured on the machine that runs them, each beside what it is held against."""

import click

from .analytics import bench_analytics
from .games import bench_games
from .safety import bench_safety


@click.group()
def bench() -> None:
    """Measure, and show the figures."""


bench.add_command(bench_analytics)
bench.add_command(bench_games)
bench.add_command(bench_safety)
