"""The demo day: every check holds, a fault is shown, and its curl lines work and cover the API."""

import json
import re
import shlex
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import pytest
from attrs import evolve
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from playtime.adapters.cli.progress import progress_bar
from playtime.adapters.demo.day import play_demo
from playtime.adapters.demo.report import PlayedDay, fun
from playtime.adapters.http.app import create_app
from playtime.adapters.http.routes import ROUTES
from playtime.adapters.memory.storage import MemoryStorage
from playtime.adapters.system.game_shelf import SHIPPED, load_games
from playtime.adapters.system.services import SystemClock, SystemIds, SystemRandomness
from playtime.application.engine import Engine
from playtime.contracts.doubles import build_engine
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Game, StakeRule
from playtime.domain.ledger.events import Account, AccountKind, AccountTotal, EventType

SPINS = 600
URL = "http://127.0.0.1:8000"


def new_engine(games: Sequence[Game] = (DEMO_GAME,)) -> Engine:
    clock, ids, randomness = SystemClock(), SystemIds(), SystemRandomness()
    return build_engine(MemoryStorage(), clock=clock, ids=ids, randomness=randomness, games=games)


def play(engine: Engine, spins: int) -> PlayedDay:
    return play_demo(engine, spins, progress=progress_bar, show=lambda _: None)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return new_engine()


@pytest.fixture(scope="module")
def day(engine: Engine) -> PlayedDay:
    return play(engine, SPINS)


def test_every_check_of_the_day_holds(day: PlayedDay) -> None:
    assert day.held, day.report()
    assert day.counts["spins"] == SPINS
    assert day.counts["spins replayed"] > 0


def test_the_table_adds_up_to_nothing(day: PlayedDay) -> None:
    figures = dict(re.findall(r"^  (\w.*?)\s{2,}(-?[\d,]+\.\d\d)$", day.report(), re.MULTILINE))
    balances = [name for name in figures if name not in {"handle", "payout", "bonuses paid"}]
    amounts = {name: int(figures[name].replace(",", "").replace(".", "")) for name in figures}
    assert sum(amounts[name] for name in balances if name != "sum") == amounts["sum"] == 0
    assert amounts["at the house"] == amounts["handle"] - amounts["payout"]
    assert "95.000 %" in day.report()


def test_a_second_day_has_an_operator_of_its_own(engine: Engine, day: PlayedDay) -> None:
    second = play(engine, 100)
    assert second.held
    assert second.guide.operator_id != day.guide.operator_id


@pytest.mark.parametrize("name", SHIPPED)
def test_a_folder_with_any_one_game_is_a_day(tmp_path: Path, name: str) -> None:
    file = resources.files("playtime.adapters.system") / "games" / f"{name}.json"
    (tmp_path / f"{name}.json").write_bytes(file.read_bytes())
    _play_and_go_on(load_games(tmp_path))


@pytest.mark.parametrize(
    "stake", [StakeRule(7, 7, 700), StakeRule(3, 300, 300), StakeRule(1, 1, 7_000, (7_000,))], ids=str
)
def test_so_is_a_game_of_unusual_stakes(stake: StakeRule) -> None:
    _play_and_go_on([evolve(DEMO_GAME, stake=stake)])


def _play_and_go_on(games: Sequence[Game]) -> None:
    engine = new_engine(games)
    day = play(engine, 100)
    assert day.held, day.report()
    assert day.counts["spins"] == 100
    shell = Shell(create_app(engine).test_client())
    for line in day.instructions(URL).splitlines():
        if "curl -s" in line:
            shell.run(line)


def test_a_day_whose_books_are_off_does_not_hold(day: PlayedDay) -> None:
    account = Account(AccountKind.PLAYER, day.books.operator_id)
    books = evolve(day.books, accounts=[*day.books.accounts, AccountTotal(account, 5, 6, 0)])
    off = evolve(day, books=books)
    assert not off.held
    assert "NOT HELD" in off.report()
    assert "the sum is not 0" in off.report()


def test_a_day_with_a_fault_does_not_hold(day: PlayedDay) -> None:
    off = evolve(day, faults=["spins replayed"])
    assert not off.held
    assert "NOT HELD: spins replayed" in off.report()


def test_the_day_moved_what_it_says(day: PlayedDay) -> None:
    assert day.books.moved(EventType.CREDIT_ISSUED) == -day.books.sum_of(AccountKind.ISSUANCE)


@pytest.mark.parametrize(
    ("minor", "text"), [(0, "0.00"), (5, "0.05"), (-150, "-1.50"), (123_456_789, "1,234,567.89")]
)
def test_amounts_are_shown_in_fun(minor: int, text: str) -> None:
    assert fun(minor) == text


class Shell:
    """Runs the curl lines against an application, without a shell or curl."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._variables: dict[str, str] = {}
        self.asked: set[tuple[str, str]] = set()

    def run(self, line: str) -> None:
        name, inner, path = re.fullmatch(
            r"(?:(\w+)=\$\()?(curl .*?)(?: \| python3 -c '[^\[]*(.*)\)'\))?", line
        ).groups()  # type: ignore[union-attr] # a line that is no curl line fails here
        answer = self._curl(re.sub(r"\$(\w+)", lambda match: self._variables[match[1]], inner))
        if name:
            content = answer.get_json()
            for part in re.findall(r"\[(.*?)\]", path):
                content = content[json.loads(part)]
            self._variables[name] = content

    def _curl(self, command: str) -> TestResponse:
        words = shlex.split(command)[2:]
        headers, url, data, method = [], "", None, None
        while words:
            match words.pop(0):
                case "-H":
                    headers.append(tuple(words.pop(0).split(": ", 1)))
                case "-X":
                    method = words.pop(0)
                case "-o":
                    words.pop(0)
                case "-d":
                    data = words.pop(0)
                case word:
                    url = word
        path = url.removeprefix(URL)
        method = method or ("GET" if data is None else "POST")
        answer = self._client.open(path, method=method, headers=headers, data=data)
        self.asked.add((method, path.partition("?")[0]))
        # A requested raise of a limit cannot be confirmed at once; the answer says so.
        expected = {409} if path.endswith("/limits/confirm") else {200, 201}
        assert answer.status_code in expected, (command, answer.data)
        return answer


def test_the_curl_lines_work_and_cover_every_route(engine: Engine, day: PlayedDay) -> None:
    shell = Shell(create_app(engine).test_client())
    lines = [line for line in day.instructions(URL).splitlines() if "curl -s" in line]
    for line in lines:
        shell.run(line)
    for route in ROUTES:
        pattern = re.sub(r"\{\w+\}", "[^/]+", route.path)
        asked = [path for method, path in shell.asked if method == route.method]
        assert any(re.fullmatch(pattern, path) for path in asked), f"no line asks {route.method} {route.path}"
