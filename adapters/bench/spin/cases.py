"""The cases that are measured in turn: floor, use case and HTTP."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from attrs import frozen

from .figures import Latency, Sample, Used
from .floor import Floor
from .generators import Generator, Load
from .house import Guest, Population
from .processes import machine_seconds, tree_seconds
from .requests import Workload, action_ids

WARM_UP_SECONDS: Final = 1.0
"""The time that the connections of the floor get for planning their statements, before they are measured."""

HOT_CLIENTS: Final = 50
OTHER_CLIENTS: Final = 8


@frozen
class Meter:
    """Reads processor time and the write-ahead log. `postgres_pid` is the server; None: it cannot be measured."""

    floor: Floor
    postgres_pid: int | None

    def read(self, python_seconds: float | None) -> Used:
        """Return the use so far, with the processor time of our own Python."""
        return Used(
            python=python_seconds,
            postgres=None if self.postgres_pid is None else tree_seconds(self.postgres_pid),
            machine=machine_seconds(),
            wal_bytes=self.floor.wal_bytes(),
        )


class Case(Protocol):
    """A case that is measured. It has two names if it puts two loads on the server at once."""

    def measure(self, seconds: int) -> Mapping[str, Sample]:
        """Measure for some seconds, and return the sample of each name."""


@frozen
class FloorCase:
    """The floor, called from pgbench."""

    name: str
    clients: int
    players: int
    meter: Meter

    def measure(self, seconds: int) -> Mapping[str, Sample]:
        """Measure after a time for warming up."""
        with self.meter.floor.load(
            clients=self.clients, players=self.players, seconds=WARM_UP_SECONDS + seconds + 1
        ) as load:
            time.sleep(WARM_UP_SECONDS)
            earlier, begun = self.meter.read(None), time.time()
            time.sleep(seconds)
            ended, later = time.time(), self.meter.read(None)
        millis = load.latencies(begun, ended)
        share = seconds / (WARM_UP_SECONDS + seconds + 1)
        sample = Sample(
            operations=len(millis),
            seconds=ended - begun,
            latency=Latency.of(millis),
            used=later.since(earlier),
            generator_seconds=load.generator_seconds * share,
        )
        return {self.name: sample}


@frozen
class UseCase:
    """The use case alone, called from threads of this process. Each has players of its own."""

    name: str
    threads: int
    house: Population
    meter: Meter

    def measure(self, seconds: int) -> Mapping[str, Sample]:
        """Measure all threads together."""
        earlier, begun = self.meter.read(time.process_time()), time.perf_counter()
        with ThreadPoolExecutor(self.threads) as pool:
            until = begun + seconds
            found = list(pool.map(lambda at: self._play(at, until), range(self.threads)))
        ended, later = time.perf_counter(), self.meter.read(time.process_time())
        millis = [value for some in found for value in some]
        sample = Sample(
            operations=len(millis), seconds=ended - begun, latency=Latency.of(millis), used=later.since(earlier)
        )
        return {self.name: sample}

    def _play(self, at: int, until: float) -> list[float]:
        millis: list[float] = []
        guests, actions = self.house.guests[at :: self.threads], action_ids()
        while (begun := time.perf_counter()) < until:
            number = len(millis)
            spin(self.house, guests[number % len(guests)], number, f"{at}-{next(actions)}")
            millis.append((time.perf_counter() - begun) * 1000)
        return millis


def spin(house: Population, guest: Guest, number: int, action_id: str | None = None) -> None:
    """Play a round of one of the games in turn, by a number."""
    game = house.games[number % len(house.games)]
    answer = house.engine.spin(
        guest.principal, stake_minor=game.min_stake_minor, game_key=game.game_key, action_id=action_id
    )
    assert answer.code is None, answer.code


@frozen(kw_only=True)
class Server:
    """A server that is measured. `pid` is its parent process."""

    port: int
    pid: int
    generator: Generator
    meter: Meter

    def used(self) -> Used:
        """Return the use so far."""
        return self.meter.read(tree_seconds(self.pid))

    def load(self, workload: Workload, clients: int, seconds: int) -> Load:
        """Send a workload from a number of clients."""
        return self.generator.run(workload, port=self.port, clients=clients, seconds=seconds)


@frozen
class HttpCase:
    """Requests over HTTP."""

    name: str
    clients: int
    workload: Callable[[], Workload]
    server: Server

    def measure(self, seconds: int) -> Mapping[str, Sample]:
        """Measure the requests from all clients."""
        earlier = self.server.used()
        load = self.server.load(self.workload(), self.clients, seconds)
        return {self.name: _sample(load, self.server.used().since(earlier))}


@frozen
class HotCase:
    """Spins of one player from many clients, together with those of other players from a few."""

    hot: Callable[[], Workload]
    others: Callable[[], Workload]
    server: Server

    def measure(self, seconds: int) -> Mapping[str, Sample]:
        """Measure both. The processor time belongs to both together, and is not shown."""
        loads = [(self.hot(), HOT_CLIENTS), (self.others(), OTHER_CLIENTS)]
        with ThreadPoolExecutor(len(loads)) as pool:
            hot, others = pool.map(lambda load: self.server.load(load[0], load[1], seconds), loads)
        return {"http hot": _sample(hot, Used()), "http hotOthers": _sample(others, Used())}


def _sample(load: Load, used: Used) -> Sample:
    return Sample(
        operations=load.operations,
        seconds=load.seconds,
        latency=load.latency,
        used=used,
        errors=load.errors,
        refused=load.refused,
        generator_seconds=load.generator_seconds,
        generators=load.generators,
    )


def measure_in_turn(
    cases: Sequence[Case], *, seconds: int, times: int, before: Callable[[], None], advance: Callable[[int], None]
) -> dict[str, list[Sample]]:
    """Measure all cases several times, each time one after another, and return the samples of each name."""
    samples: dict[str, list[Sample]] = {}
    for _ in range(times):
        before()
        for case in cases:
            for name, sample in case.measure(seconds).items():
                samples.setdefault(name, []).append(sample)
            advance(1)
    return samples
