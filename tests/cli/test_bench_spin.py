"""The benchmark of a spin: its whole run at a small size, and its parts."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.bench.spin.bench import introduction
from playtime.adapters.bench.spin.calls import environ_of
from playtime.adapters.bench.spin.figures import Latency, Sample, Used, aligned, figures_of, percentile, table_of
from playtime.adapters.bench.spin.floor import FloorCheck, PerCall
from playtime.adapters.bench.spin.generators import (
    Generator,
    SocketGenerator,
    WrkGenerator,
    find_generator,
    load_of,
    load_of_wrk,
    script_of,
)
from playtime.adapters.bench.spin.phases import PHASES, StepTime, phases_of
from playtime.adapters.bench.spin.processes import machine_seconds, tree_seconds
from playtime.adapters.bench.spin.requests import (
    ACTION,
    Workload,
    action_ids,
    redeem_request,
    request,
    rotated,
    spin_request,
)

from support.program import new_command

KEYS = {"perSecond", "ofFloor", "p50Ms", "p90Ms", "p99Ms", "p999Ms", "pythonMicros", "postgresMicros"}
COUNTS = {"exchanges", "statements", "rows", "walBytes", "errors", "refused"}
WRK = shutil.which("wrk")
LINUX = Path("/proc/self/stat").exists()


# --- the whole ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    file = tmp_path_factory.mktemp("bench") / "spin.json"
    with new_command() as command:
        words = ("--seconds", "1", "--times", "1", "--players", "40", "--json", str(file))
        measured = command.run("bench", "spin", *words)
        assert measured.returncode == 0, measured.stdout + measured.stderr
        assert list(command.home.iterdir()) == [], "the database of the benchmark is removed"
    found: dict[str, Any] = json.loads(file.read_text())
    found["shown"] = measured.stdout
    return found


def test_document_has_every_case_with_all_figures(document: Mapping[str, Any]) -> None:
    cases = {group: list(document[group]) for group in ("floor", "usecase", "http")}
    assert cases == {
        "floor": ["c1", "c8", "c32"],
        "usecase": ["t1", "t8"],
        "http": ["c1", "c8", "c32", "c128", "me", "login", "issueRedeem", "replay", "hot", "hotOthers"],
    }
    for group, names in cases.items():
        for name in names:
            figures = document[group][name]
            assert figures.keys() >= KEYS | COUNTS
            assert figures["perSecond"] > 0, (group, name)
            assert figures["errors"] == 0, (group, name)
            assert figures["p50Ms"] <= figures["p90Ms"] <= figures["p99Ms"] <= figures["p999Ms"]
            # A player whose requests wait for a busy machine may have too many of them at once.
            assert figures["refused"] <= figures["perSecond"] / 10 or name == "hot"


def test_ratios_are_to_the_floor_of_the_same_run(document: Mapping[str, Any]) -> None:
    floor = {name: figures["perSecond"] for name, figures in document["floor"].items()}
    assert [figures["ofFloor"] for figures in document["floor"].values()] == [1, 1, 1]
    for group, name, of in (("usecase", "t8", "c8"), ("http", "c8", "c8"), ("http", "c128", "c32")):
        figures = document[group][name]
        assert figures["ofFloor"] == pytest.approx(figures["perSecond"] / floor[of], rel=0.01)


@pytest.mark.skipif(not LINUX, reason="processor time of other processes is read from Linux's /proc")
def test_processor_time_is_that_of_python_and_of_the_server(document: Mapping[str, Any]) -> None:
    for group, name in (("usecase", "t1"), ("http", "c8"), ("http", "me")):
        figures = document[group][name]
        assert 50 < figures["pythonMicros"] < 50_000
        assert 20 < figures["postgresMicros"] < 50_000
        assert figures["pythonMicros"] + figures["postgresMicros"] < 1e6 / figures["perSecond"] * 64
    assert document["floor"]["c8"]["pythonMicros"] is None
    assert document["floor"]["c8"]["postgresMicros"] > 20


def test_floor_writes_as_much_as_a_spin(document: Mapping[str, Any]) -> None:
    """A won spin writes one row more than a lost one. How many are won differs by chance."""
    check = document["check"]
    for written in (check["spin"], check["floor"]):
        assert 5 <= written["rows"] <= 6
        assert written["indexEntries"] == pytest.approx(6 + 3 * (written["rows"] - 5), abs=0.01)
    assert abs(check["difference"]["walBytes"]) < 0.3
    assert "a spin / a call of the floor writes: rows " in document["shown"]


def test_sum_of_the_phases_is_the_whole(document: Mapping[str, Any]) -> None:
    phases = document["phases"]
    assert list(phases["micros"]) == list(PHASES)
    assert all(micros > 0 for micros in phases["micros"].values())
    assert sum(phases["micros"].values()) == pytest.approx(phases["totalMicros"], rel=0.05)
    assert 0.95 <= phases["sumOfTotal"] <= 1.0


def test_counts_are_those_of_each_operation(document: Mapping[str, Any]) -> None:
    spin, replay, me = (document["http"][name] for name in ("c1", "replay", "me"))
    assert (spin["exchanges"], replay["exchanges"], me["exchanges"]) == (2, 2, 2)
    assert 5 <= spin["rows"] < 6.5
    assert (replay["rows"], me["rows"]) == (0, 0)
    assert document["floor"]["c1"]["exchanges"] == 1
    assert document["http"]["issueRedeem"]["rows"] > 8


def test_generator_and_load_of_the_machine_are_shown(document: Mapping[str, Any]) -> None:
    machine = document["machine"]
    assert machine["generator"] == find_generator().name
    assert machine["generator"] in document["shown"]
    assert machine["loadBefore"] >= 0
    assert all(figures["generatorShare"] < 0.9 for figures in document["http"].values())
    assert (document["seconds"], document["times"], document["players"]) == (1, 1, 40)


# --- figures --------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 1000))
def test_percentile_is_the_smallest_value_with_its_share(values: list[float], thousandths: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, thousandths)
    assert 1000 * sum(value <= found for value in ordered) >= thousandths * len(ordered)
    assert 1000 * sum(value < found for value in ordered) < thousandths * len(ordered)


def test_percentiles_by_example() -> None:
    hundred = Latency.of(reversed(range(1, 101)))
    assert (hundred.p50, hundred.p90, hundred.p99, hundred.p999) == (50, 90, 99, 100)
    assert Latency.of([7.0]) == Latency(p50=7, p90=7, p99=7, p999=7)
    assert Latency.of([]) == Latency(p50=0, p90=0, p99=0, p999=0)


def turn(operations: int, *, python: float | None = None, postgres: float | None = None) -> Sample:
    used = Used(python=python, postgres=postgres, machine=3.0, wal_bytes=operations * 1000)
    latency = Latency.of([operations / 10])
    return Sample(operations=operations, seconds=2, latency=latency, used=used, errors=1, generator_seconds=0.5)


def test_figures_are_medians_of_the_turns_beside_their_floors() -> None:
    turns = [turn(100, python=0.1, postgres=0.2), turn(300, python=0.6, postgres=0.3), turn(200, python=0.2)]
    figures = figures_of(turns, [turn(200), turn(400), turn(800)])
    assert figures["perSecond"] == 100
    assert figures["ofFloor"] == 0.5
    assert figures["p50Ms"] == 20
    assert figures["errors"] == 3
    assert figures["pythonMicros"] == 1000
    assert figures["postgresMicros"] is None, "one turn has none"
    assert figures["walBytes"] == 1000
    assert figures["generatorShare"] == 0.25


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=9))
def test_figures_do_not_depend_on_the_order_of_turns(operations: list[int]) -> None:
    turns = [turn(number) for number in operations]
    assert figures_of(turns, turns) == figures_of(turns[::-1], turns[::-1])
    assert figures_of(turns, turns)["ofFloor"] == 1


def test_other_programs_are_the_rest_of_the_machine() -> None:
    assert turn(1, python=0.5, postgres=1.0).others == 0.5
    assert turn(1, python=0.5).others is None


def test_table_has_a_line_for_each_case() -> None:
    head, line = table_of({"http c8": {"perSecond": 1234.5, "ofFloor": 0.1234, "errors": 0}})
    assert head.split()[:3] == ["case", "a", "second"]
    assert line.split() == ["http", "c8", "1234", "0.1234", "-", "-", "-", "-", "0", *["-"] * 8]


@given(st.lists(st.tuples(st.text("ab", max_size=5), st.text("ab", max_size=5)), min_size=1))
def test_lines_of_a_table_are_equally_long(rows: list[tuple[str, str]]) -> None:
    assert len({len(line) for line in aligned(rows)}) == 1


def test_check_shows_both_sides_and_the_difference() -> None:
    check = FloorCheck(
        PerCall(rows=5.0, index_entries=10.0, wal_bytes=4000.0),
        PerCall(rows=5.0, index_entries=11.0, wal_bytes=3000.0),
    )
    assert check.differences() == {"rows": 0, "indexEntries": 0.1, "walBytes": -0.25}
    assert check.line().endswith("indexEntries 10.00 / 11.00 (+10.0%), walBytes 4000.00 / 3000.00 (-25.0%)")


# --- phases ---------------------------------------------------------------------------------------------------

MOMENTS = st.lists(st.floats(0, 1000), min_size=10, max_size=10).map(sorted)


@given(MOMENTS)
def test_phases_fill_the_time_of_a_request(moments: list[float]) -> None:
    begun, *inner, ended = moments
    names = ("authenticate", "wait", "read", "write")
    steps = [StepTime(name, *times) for name, times in zip(names, [*pairwise(inner)][::2], strict=True)]
    phases = phases_of(begun, ended, steps)
    assert phases is not None
    assert list(phases) == list(PHASES)
    assert all(seconds >= -1e-9 for seconds in phases.values())
    assert sum(phases.values()) == pytest.approx(ended - begun)


def test_phases_by_example() -> None:
    steps = [StepTime("authenticate", 1, 3), StepTime("wait", 4, 5), StepTime("exchange", 6, 7, 9)]
    steps += [StepTime("read", 5, 8), StepTime("write", 12, 17)]
    assert phases_of(0, 20, steps) == {
        "parse": 2,
        "authenticate": 2,
        "wait": 1,
        "read": 3,
        "decide": 4,
        "write": 5,
        "answer": 3,
    }


def test_request_that_wrote_nothing_has_no_phases() -> None:
    assert phases_of(0, 2, [StepTime("wait", 0, 1), StepTime("read", 1, 2)]) is None


# --- processes ------------------------------------------------------------------------------------------------


def test_processor_time_of_a_tree(tmp_path: Path) -> None:
    """Each process has 1 + 2 + 3 + 4 ticks, and a name with a bracket."""
    for pid, parent in ((1, 0), (20, 1), (30, 20), (31, 30), (40, 1)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} {'0 ' * 9}1 2 3 4 0")
    (tmp_path / "self").symlink_to("1")
    (tmp_path / "stat").write_text("cpu  100 20 30 9999 999 4 5 6 7 8\n")
    assert tree_seconds(20, tmp_path) == pytest.approx(0.3, rel=0.01)
    assert tree_seconds(1, tmp_path) == pytest.approx(0.5, rel=0.01)
    assert tree_seconds(99, tmp_path) == 0
    assert machine_seconds(tmp_path) == pytest.approx(1.65, rel=0.01)


def test_first_line_shows_that_processor_time_is_missing() -> None:
    text = introduction(1.234, "18.6", "wrk 4", is_linux=True)
    assert text.endswith(" cores, load 1.23; PostgreSQL 18.6; wrk 4")
    other = introduction(1.234, "18.6", "wrk 4", is_linux=False)
    assert other == f"{text}; without Linux's /proc, processor time is not shown"


def test_without_proc_there_is_no_processor_time(tmp_path: Path) -> None:
    assert tree_seconds(1, tmp_path) is None
    assert machine_seconds(tmp_path) is None
    later, earlier = Used(wal_bytes=30), Used(python=1.0, wal_bytes=10)
    assert later.since(earlier) == Used(wal_bytes=20)


# --- requests and load generators -----------------------------------------------------------------------------


def test_requests_are_http_with_the_length_of_their_body() -> None:
    head, _, body = spin_request("token", "demo-wheel", 5).partition("\r\n\r\n")
    assert head.splitlines()[0] == "POST /api/v1/bet/spin HTTP/1.1"
    assert f"Content-Length: {len(body)}" in head
    assert json.loads(body) == {"stakeMinor": 5, "gameKey": "demo-wheel", "actionId": ACTION}
    environ = environ_of(request("GET", "/player/me", token="t"))
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("GET", "/api/v1/player/me")
    assert environ["HTTP_AUTHORIZATION"] == "Bearer t"


def test_action_ids_fit_their_place_and_grow() -> None:
    some = [next(ids) for ids in [action_ids()] for _ in range(20)]
    assert some == sorted(set(some))
    assert {len(one) for one in some} == {len(ACTION)}


def test_neighbours_are_other_players_and_other_games() -> None:
    pairs = list(rotated("abcdef", [1, 2, 3, 4]))
    assert sorted(pairs) == [(guest, game) for guest in "abcdef" for game in (1, 2, 3, 4)]
    for at in (0, 6, 12, 18):
        assert len({guest for guest, _ in pairs[at : at + 6]}) == 6
        assert len({game for _, game in pairs[at : at + 4]}) == 4


def test_results_of_processes_are_added_up() -> None:
    results = [
        {"millis": [1, 2], "statuses": {"200": 2}, "seconds": 2.0},
        {"millis": [3], "statuses": {"201": 1, "429": 5, "503": 7, "0": 1}, "seconds": 4.0},
    ]
    load = load_of(results, 0.5, Workload(["a"]))
    assert (load.operations, load.refused, load.errors, load.seconds) == (3, 5, 8, 3.0)
    assert (load.latency.p50, load.generators, load.generator_seconds) == (2, 2, 0.5)
    assert load_of(results, 0.5, Workload(["a"], "b")).operations == 1, "two requests are one operation"


def test_results_of_wrk_are_read() -> None:
    result = {"good": 9, "refused": 2, "failed": 3, "lost": 4, "seconds": 1.5}
    result |= {"p50": 1.0, "p90": 2.0, "p99": 3.0, "p999": 4.0}
    load = load_of_wrk(result, 0.25, Workload(["a"]))
    assert (load.operations, load.refused, load.errors) == (9, 2, 7)
    assert load.latency == Latency(p50=1, p90=2, p99=3, p999=4)


def test_script_has_requests_as_texts_of_lua() -> None:
    script = script_of(Workload([f'a\r\n"{ACTION}"', "b"], "c"), 255)
    assert '    {"a\\r\\n\\"", "\\""},\n    {"b"},\n' in script
    assert 'local follow = "c"' in script
    assert '"00000000000000ff-"' in script


class _Handler(BaseHTTPRequestHandler):
    """Sells vouchers, redeems those that were sold, and refuses the first three spins."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append((self.path, body))
        is_sale = self.path.endswith("/vouchers")
        sold = f'{{"code":"c-{len(self.seen):06d}","pin":"1234"}}'
        answer = (sold if is_sale else "{}").encode()
        status = 429 if self.path.endswith("/spin") and len(self.seen) <= 3 else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextmanager
def desk() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Serve for a block; give the port and the requests that came."""
    seen: list[tuple[str, str]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"seen": seen})) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=["own", "wrk"])
def generator(request: pytest.FixtureRequest) -> Generator:
    if request.param == "own":
        return SocketGenerator()
    if WRK is None:
        pytest.skip("wrk is not installed: apt install wrk")
    return WrkGenerator(WRK)


def test_generator_waits_after_refusals_and_sends_new_action_ids(generator: Generator) -> None:
    """All three clients are refused once. They wait for a second, so that no other request comes meanwhile."""
    with desk() as (port, seen):
        workload = Workload([spin_request(name, "g", 1) for name in "abc"])
        load = generator.run(workload, port=port, clients=3, seconds=2)
    actions = [json.loads(body)["actionId"] for _, body in seen]
    assert len(set(actions)) == len(actions) > 20
    assert {len(action) for action in actions} == {36}
    assert load.operations + load.refused <= len(actions) <= load.operations + load.refused + 4
    assert load.refused == 3
    assert load.errors == 0
    assert 0 < load.latency.p50 <= load.latency.p999 < 1000
    assert load.generator_seconds > 0


def test_generator_redeems_each_voucher_that_was_sold(generator: Generator) -> None:
    with desk() as (port, seen):
        workload = Workload([request("POST", "/x/vouchers", body={})], redeem_request("c-000000", "9999"))
        load = generator.run(workload, port=port, clients=2, seconds=1)
    sold = [path for path, _ in seen if path.endswith("/vouchers")]
    redeemed = [json.loads(body) for path, body in seen if path.endswith("/redeem")]
    codes = [one["code"] for one in redeemed]
    assert len(codes) == len(set(codes)) > 5
    assert {one["pin"] for one in redeemed} == {"1234"}
    assert abs(len(sold) - len(redeemed)) <= 2
    assert load.operations == pytest.approx(len(redeemed), abs=2)


def test_a_lost_server_is_an_error_and_not_a_result() -> None:
    workload = Workload([spin_request("a", "g", 1)])
    with desk() as (port, _):
        pass
    with pytest.raises(Exception, match="the load generator failed"):
        SocketGenerator().run(workload, port=port, clients=1, seconds=1)
