"""Benchmarks: measured on the machine that runs them, each beside what it is held against."""

import click

from .bench_analytics import bench_analytics
from .bench_games import bench_games
from .bench_safety import bench_safety


@click.group()
def bench() -> None:
    """Measure, and show the figures."""


bench.add_command(bench_analytics)
bench.add_command(bench_games)
bench.add_command(bench_safety)
