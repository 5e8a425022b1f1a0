"""The benchmark of a spin: floor, use case and HTTP on a fresh database, measured in turn."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from ....application.engine import Engine
from ..serving import environ_at, served
from .calls import WsgiApp, WsgiCaller
from .cases import Case, FloorCase, HotCase, HttpCase, Meter, Server, UseCase, measure_in_turn, spin
from .figures import Sample, aligned, figures_of, table_of
from .floor import CAPTURED, Floor, FloorCheck, PerCall, check_floor, repeat
from .generators import Generator
from .house import Guest, Population
from .phases import PHASES, PhaseTimes, Steps, measure_phases
from .processes import can_measure
from .requests import Workload, issue_request, redeem_request, request, rotated, spin_request

WARMING: Final = 8
COUNTED: Final = 16
"""The operations of each kind whose exchanges, statements and rows are counted, after some others.

No player comes twice, because a row that is changed twice would be counted once.
"""

ROUTE_CLIENTS: Final = 32
"""The clients of the routes other than the spin."""

FLOORS: Final = {"c1": "c1", "t1": "c1", "c8": "c8", "t8": "c8"}
"""The floor with as many callers as a case. All other cases are compared with 32."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows a progress bar with a label and a length; gives the function that moves it on."""

Document = Mapping[str, Any]


@define
class _Workloads:
    """The requests of all players and cashiers, with their newest tokens."""

    house: Population
    replays: Sequence[str]
    """The action id of an old spin of each player."""
    _tokens: list[str] = field(factory=list)
    _staff: list[Any] = field(factory=list)

    def log_in(self) -> None:
        """Log everybody in again: a token ends after half an hour."""
        self._tokens, self._staff = self.house.player_tokens(), self.house.staff_tokens()

    def spins(self, first: int = 0, last: int | None = None) -> Workload:
        """Return spins of some players, at all games."""
        tokens = self._tokens[first:last]
        pairs = rotated(tokens, self.house.games)
        return Workload([spin_request(token, game.game_key, game.min_stake_minor) for token, game in pairs])

    def hot(self) -> Workload:
        """Return spins of the first player."""
        return self.spins(last=1)

    def others(self) -> Workload:
        """Return spins of all other players."""
        return self.spins(first=1)

    def replay(self) -> Workload:
        """Return an old spin of each player again."""
        game = self.house.games[0]
        old = zip(self._tokens, self.replays, strict=True)
        return Workload([spin_request(token, game.game_key, game.min_stake_minor, key) for token, key in old])

    def me(self) -> Workload:
        """Return the request of each player for their own state."""
        return Workload([request("GET", "/player/me", token=token) for token in self._tokens])

    def login(self) -> Workload:
        """Return the login of each player."""
        return Workload([_login(guest) for guest in self.house.guests])

    def issue_redeem(self) -> Workload:
        """Return sales of all cashiers, each followed by the redemption of the voucher."""
        code, pin = self.house.sample
        issues = [issue_request(tenant_id, token) for tenant_id, token in self._staff]
        return Workload(issues, redeem_request(code, pin))

    @property
    def kinds(self) -> Mapping[str, Callable[[], Workload]]:
        """The kinds of operations."""
        return {
            "spin": self.spins,
            "me": self.me,
            "login": self.login,
            "issueRedeem": self.issue_redeem,
            "replay": self.replay,
        }


def _login(guest: Guest) -> str:
    return request("POST", "/player/login", body={"loginCode": guest.login_code, "pin": guest.pin})


@frozen
class Measured:
    """A fresh database in a home. `app` is the web application of a second engine, which notes its steps."""

    engine: Engine
    app: WsgiApp
    floor: Floor
    home: Path


OpenMeasured = Callable[[Steps], AbstractContextManager[Measured]]
"""Makes a database for a block. The steps of the application are noted in `Steps`."""


@frozen(kw_only=True)
class SpinBench:
    """The benchmark on a fresh database."""

    measured: Measured
    steps: Steps
    generator: Generator
    show: Callable[[str], None]
    progress: Progress

    @property
    def floor(self) -> Floor:
        """The floor of the database."""
        return self.measured.floor

    def run(self, *, seconds: int, times: int, players: int) -> Document:
        """Measure everything, show the tables, and return the document. Raises SetupError."""
        load = os.getloadavg()
        self.show(introduction(load[0], self.floor.version(), self.generator.name, is_linux=can_measure()))
        house = Population.built(self.measured.engine, players)
        workloads = _Workloads(house, list(self._old_spins(house)))
        workloads.log_in()
        check = self._prepare_floor(house)
        self.show(check.line())
        counts = {name: self._counted(workload()) for name, workload in workloads.kinds.items()}
        phases = measure_phases(WsgiCaller(self.measured.app, workloads.spins()), self.steps, seconds)
        samples = self._measure(house, workloads, seconds=seconds, times=times)
        figures = _with_counts(_figures_of_all(samples), counts, check)
        document = _document(figures) | {
            "phases": _phase_content(phases),
            "check": check.content() | {"hotUpdates": self.floor.hot_share()},
            "machine": self._machine(samples, load),
            "seconds": seconds,
            "times": times,
            "players": players,
        }
        self._show(figures, phases, document)
        return document

    def _old_spins(self, house: Population) -> Iterator[str]:
        """Play every game with every player once, and yield the action id of the first spin of each."""
        for guest in house.guests:
            for number in range(len(house.games)):
                action_id = f"{guest.principal.player_id}" if number == 0 else None
                spin(house, guest, number, action_id)
            yield f"{guest.principal.player_id}"

    def _prepare_floor(self, house: Population) -> FloorCheck:
        numbers = count()

        def play() -> None:
            number = next(numbers)
            spin(house, house.guests[number % len(house.guests)], number)

        spins = [self.floor.capture(play) for _ in range(CAPTURED)]
        self.floor.install(spins, house.floor_players)
        players = len(house.guests)
        return check_floor(self.floor, lambda: repeat(play, players), players)

    def _counted(self, workload: Workload) -> dict[str, float]:
        """Return the exchanges, statements and rows of one operation."""
        call = WsgiCaller(self.measured.app, workload)
        repeat(call, WARMING)
        self.steps.take()
        written = self.floor.written_by(lambda: repeat(call, COUNTED))
        exchanges = [step for step in self.steps.take() if step.name == "exchange"]
        return {
            "exchanges": len(exchanges) / COUNTED,
            "statements": sum(step.statements for step in exchanges) / COUNTED,
            "rows": PerCall.of([written], COUNTED).rows,
        }

    def _measure(
        self, house: Population, workloads: _Workloads, *, seconds: int, times: int
    ) -> dict[str, list[Sample]]:
        meter = Meter(self.floor, self.floor.server_pid() if can_measure() else None)
        with served(environ_at(self.measured.home)) as (url, pid):
            server = Server(port=int(url.rpartition(":")[2]), pid=pid, generator=self.generator, meter=meter)
            cases = [*self._database_cases(house, meter), *_http_cases(workloads, server)]
            with self.progress("measuring", len(cases) * times) as advance:
                return measure_in_turn(
                    cases, seconds=seconds, times=times, before=workloads.log_in, advance=advance
                )

    def _database_cases(self, house: Population, meter: Meter) -> list[Case]:
        players = len(house.floor_players)
        floors = [FloorCase(f"floor c{clients}", clients, players, meter) for clients in (1, 8, 32)]
        return [*floors, *(UseCase(f"usecase t{threads}", threads, house, meter) for threads in (1, 8))]

    def _machine(self, samples: Mapping[str, Sequence[Sample]], load: Sequence[float]) -> Document:
        others = [sample.others for some in samples.values() for sample in some if sample.others is not None]
        return {
            "cores": os.cpu_count(),
            "loadBefore": round(load[0], 2),
            "otherCores": round(sum(others) / len(others), 2) if others else None,
            "python": platform.python_version(),
            "postgres": self.floor.version(),
            "generator": self.generator.name,
        }

    def _show(self, figures: Mapping[str, Any], phases: PhaseTimes, document: Document) -> None:
        for line in table_of(figures):
            self.show(line)
        texts = [[name, f"{phases.phases[name]:.0f}"] for name in PHASES]
        for line in aligned([["phase of a spin", "us"], *texts, ["whole request", f"{phases.total:.0f}"]]):
            self.show(line)
        self.show(f"the phases are {phases.sum_of_total:.1%} of the whole")
        self.show(f"other programs used {document['machine']['otherCores']} cores")


def introduction(load: float, postgres: str, generator: str, *, is_linux: bool) -> str:
    """Return the first line: the machine, and what it cannot show."""
    text = f"{os.cpu_count()} cores, load {load:.2f}; PostgreSQL {postgres}; {generator}"
    return text if is_linux else f"{text}; without Linux's /proc, processor time is not shown"


def _http_cases(workloads: _Workloads, server: Server) -> list[Case]:
    spins = [HttpCase(f"http c{clients}", clients, workloads.spins, server) for clients in (1, 8, 32, 128)]
    others = [
        HttpCase(f"http {name}", ROUTE_CLIENTS, workload, server)
        for name, workload in workloads.kinds.items()
        if name != "spin"
    ]
    # The hot player is last: requests that still wait when its clients are gone would disturb the next case.
    return [*spins, *others, HotCase(workloads.hot, workloads.others, server)]


def _figures_of_all(samples: Mapping[str, Sequence[Sample]]) -> dict[str, dict[str, Any]]:
    """Return the figures of all cases, each beside the floor with as many callers."""

    def floors(name: str) -> Sequence[Sample]:
        return samples[f"floor {FLOORS.get(name.split()[1], 'c32')}"]

    figures: dict[str, dict[str, Any]] = {name: figures_of(some, floors(name)) for name, some in samples.items()}
    alone, beside = figures["http c8"]["p99Ms"], figures["http hotOthers"]["p99Ms"]
    figures["http hotOthers"]["p99OfC8"] = round(beside / alone, 2)
    return figures


def _with_counts(
    figures: Mapping[str, dict[str, Any]], counts: Mapping[str, Mapping[str, float]], check: FloorCheck
) -> Mapping[str, dict[str, Any]]:
    """Return figures with the counts of their operation. The floor is one exchange and statement."""
    of_floor = {"exchanges": 1, "statements": 1, "rows": check.floor.rows}
    counted = {}
    for name, some in figures.items():
        group, case = name.split()
        counted[name] = {**some, **(of_floor if group == "floor" else counts.get(case, counts["spin"]))}
    return counted


def _document(figures: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return figures by group and case."""
    document: dict[str, Any] = {}
    for name, some in figures.items():
        group, case = name.split()
        document.setdefault(group, {})[case] = some
    return document


def _phase_content(times: PhaseTimes) -> Document:
    return {
        "micros": {name: round(times.phases[name], 1) for name in PHASES},
        "totalMicros": round(times.total, 1),
        "sumOfTotal": round(times.sum_of_total, 4),
    }
