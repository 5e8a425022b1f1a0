"""Exports of every storage: whole, resumable to the byte, and no change in a file goes unseen."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from playtime.adapters.cli.ledger_files import export_ledger
from playtime.application.access import SYSTEM
from playtime.application.errors import NotFound, SetupError
from playtime.application.ledger import sealing
from playtime.application.ledger.export import Bookmark, ExportLedger, ExportPlan, Portion
from playtime.application.ports.storage import Storage
from playtime.domain.ledger.seals import START, canonical, chained, digest_of

from support.audit_day import AuditedDay
from support.day import DOUBLE, Day
from support.ledger_export import Verdict, exported, lines_of, written
from support.storages import STORAGES, open_empty


def _sealed_day(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Day:
    audited = AuditedDay.played(storage)
    day = audited.day
    monkeypatch.setattr(sealing, "SEAL_BATCH", 7)
    for _ in range(4):
        day.engine.sweep()
    day.spin(audited.guest, 1, DOUBLE, times=3)
    return day


@pytest.fixture
def sealed_day(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Day:
    """A day of several seals, with events that are not sealed yet."""
    return _sealed_day(storage, monkeypatch)


@pytest.fixture
def file(sealed_day: Day, tmp_path: Path) -> Path:
    return exported(sealed_day.engine, tmp_path / "ledger.jsonl.gz")


@pytest.fixture(scope="module", params=STORAGES)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as `file` gives it, exported once for all tests that need no storage beside it."""
    folder = tmp_path_factory.mktemp("finished")
    with closing(open_empty(request.param)) as storage, pytest.MonkeyPatch.context() as monkeypatch:
        file = exported(_sealed_day(storage, monkeypatch).engine, folder / "ledger.jsonl.gz")
    assert Verdict.on(written(folder / "same", lines_of(file))).clean
    return file


def test_holds_every_event_and_every_seal_in_order(sealed_day: Day, file: Path) -> None:
    assert Verdict.on(file).clean
    lines = [json.loads(line) for line in lines_of(file)]
    assert lines[0]["export"]["form"] == "playtime-ledger-1"
    assert [line["operator"]["slug"] for line in lines if "operator" in line] == ["platform", "north", "south"]
    books = {one.slug: one for one in sealed_day.engine.verify_seals(SYSTEM)}
    ends = {
        "events": sum(b.sealed + b.unsealed for b in books.values()),
        "seals": sum(b.seals for b in books.values()),
    }
    assert lines[-1] == {"end": ends}
    assert ends["seals"] >= 4
    assert Verdict.on(file).ours.digests == 0
    checked = {one.slug: one for one in Verdict.on(file).ours.operators}
    for slug, one in books.items():
        found = checked[slug]
        assert (found.seals, found.sealed, found.unsealed) == (one.seals, one.sealed, one.unsealed)
        assert (found.last_seal and found.last_seal.hash) == (one.last_seal and one.last_seal.hash)


def test_of_an_operator_holds_no_other(sealed_day: Day, tmp_path: Path) -> None:
    file = exported(sealed_day.engine, tmp_path / "north", "north")
    assert Verdict.on(file).clean
    assert str(sealed_day.south.operator_id) not in gzip.decompress(file.read_bytes()).decode()


def test_of_an_agent_has_no_events_of_others_and_is_verifiable(sealed_day: Day, tmp_path: Path) -> None:
    file = exported(sealed_day.engine, tmp_path / "agent", "north-a")
    assert Verdict.on(file).clean
    lines = [json.loads(line) for line in lines_of(file)]
    tenants = {line["tenantId"] for line in lines if "eventId" in line}
    assert tenants == {str(sealed_day.agent.tenant_id)}
    digests = sum("digest" in line for line in lines)
    assert digests
    assert Verdict.on(file).ours.digests == digests
    assert f"digests in place of events that are not in the file: {digests}" in Verdict.on(file).script_said
    text = gzip.decompress(file.read_bytes()).decode()
    assert str(sealed_day.sister.tenant_id) not in text
    whole = exported(sealed_day.engine, tmp_path / "whole", "north")
    assert Verdict.on(whole).ours.operators[0].last_seal == Verdict.on(file).ours.operators[0].last_seal


def test_of_nobody(day: Day, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        exported(day.engine, tmp_path / "nobody", "nobody")
    assert not (tmp_path / "nobody").exists()


def test_a_file_that_is_there_is_left_alone(sealed_day: Day, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(SetupError, match="is there already"):
        exported(sealed_day.engine, file)
    assert file.read_bytes() == before


class Interrupted(Exception):
    """Error by which a test stops an export."""


def _interrupted(engine_export: ExportLedger, file: Path, after: int) -> None:
    """Export and be stopped behind so many portions."""

    def progress(_done: int, _total: int) -> None:
        nonlocal after
        after -= 1
        if after < 0:
            raise Interrupted

    with pytest.raises(Interrupted):
        export_ledger(engine_export, file, None, progress=progress)


@pytest.mark.parametrize("page", [1, 5, 2_000])
def test_interrupted_and_resumed_anywhere_equals_uninterrupted(
    sealed_day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(sealing, "PAGE", page)
    export = sealed_day.engine.export_ledger
    whole = exported(sealed_day.engine, tmp_path / "whole").read_bytes()
    file = tmp_path / "in-parts"
    for portions in (0, 1, 1, 2, 3):
        _interrupted(export, file, portions)
        assert not file.exists()
        part = file.with_name("in-parts.part")
        # As if the power had gone in the middle of a write: what is behind the noted place does not count.
        with part.open("ab") as torn:
            torn.write(b"torn")
    # What has happened since the export began is left for the next one.
    sealed_day.welcome(500)
    sealed_day.engine.sweep()
    assert exported(sealed_day.engine, file).read_bytes() == whole
    assert Verdict.on(file).clean
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in-parts", "whole"]


def test_an_export_of_something_else_is_not_gone_on_with(sealed_day: Day, tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    _interrupted(sealed_day.engine.export_ledger, file, 1)
    with pytest.raises(SetupError, match="is of an export of everything"):
        exported(sealed_day.engine, file, "north")


def test_unreadable_or_wrong_bookmark_starts_the_export_again(sealed_day: Day, tmp_path: Path) -> None:
    whole = exported(sealed_day.engine, tmp_path / "whole").read_bytes()
    file = tmp_path / "ledger"
    _interrupted(sealed_day.engine.export_ledger, file, 2)
    file.with_name("ledger.part").unlink()
    assert exported(sealed_day.engine, file).read_bytes() == whole
    file.unlink()
    file.with_name("ledger.part.state").write_text("{")
    assert exported(sealed_day.engine, file).read_bytes() == whole


def test_plan_and_bookmark_are_stored_whole(sealed_day: Day) -> None:
    export = sealed_day.engine.export_ledger
    plan = export.plan("north-a")
    assert msgspec.json.decode(msgspec.json.encode(plan), type=ExportPlan) == plan
    portions = list(export.portions(plan))
    for portion in portions:
        assert msgspec.json.decode(msgspec.json.encode(portion.after), type=Bookmark) == portion.after
    assert _lines(portions) == _lines(export.portions(plan))


def _lines(portions: "Iterator[Portion] | list[Portion]") -> list[bytes]:
    return [line for portion in portions for line in portion.lines]


Harm = Callable[[list[bytes]], list[bytes]]


def _event_at(lines: list[bytes], number: int = 3) -> int:
    """Return the index of the line with the n-th sealed event of north."""
    events = [at for at, line in enumerate(lines) if b'"eventId"' in line]
    return events[number]


def _changed(old: bytes, new: bytes) -> Harm:
    def harm(lines: list[bytes]) -> list[bytes]:
        at = next(at for at, line in enumerate(lines) if old in line and b'"eventId"' in line)
        return [*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]]

    return harm


def _flipped(lines: list[bytes]) -> list[bytes]:
    at = _event_at(lines)
    line = bytearray(lines[at])
    line[len(line) // 2] ^= 1
    return [*lines[:at], bytes(line), *lines[at + 1 :]]


def _removed(lines: list[bytes]) -> list[bytes]:
    at = _event_at(lines)
    return [*lines[:at], *lines[at + 1 :]]


def _doubled(lines: list[bytes]) -> list[bytes]:
    at = _event_at(lines)
    return [*lines[:at], lines[at], *lines[at:]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    at = _event_at(lines)
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


def _without_a_seal(lines: list[bytes]) -> list[bytes]:
    at = next(at for at, line in enumerate(lines) if line.startswith(b'{"seal"'))
    return [*lines[:at], *lines[at + 1 :]]


def _without_a_sealed_stretch(lines: list[bytes]) -> list[bytes]:
    seals = [at for at, line in enumerate(lines) if line.startswith(b'{"seal"')]
    return [*lines[: seals[0] + 1], *lines[seals[1] + 1 :]]


def _last_event(lines: list[bytes]) -> int:
    """Return the index of the line with north's last event, which is not sealed."""
    *_, south = (at for at, line in enumerate(lines) if line.startswith(b'{"operator"'))
    assert b'"eventId"' in lines[south - 1]
    return south - 1


def _rewritten(find: Callable[[list[bytes]], int], change: Callable[[dict[str, Any], bytes], object]) -> Harm:
    def harm(lines: list[bytes]) -> list[bytes]:
        at = find(lines)
        content = json.loads(lines[at])
        change(content, lines[at])
        return [*lines[:at], canonical(content), *lines[at + 1 :]]

    return harm


def _at(beginning: bytes) -> Callable[[list[bytes]], int]:
    return lambda lines: next(at for at, line in enumerate(lines) if line.startswith(beginning))


def _true_digest(line: bytes) -> dict[str, str]:
    return {"digest": digest_of(line).hex()}


def _operator_twice(lines: list[bytes]) -> list[bytes]:
    """Hide a true chain beside a forged one of the same operator."""
    first = _at(b'{"operator"')(lines)
    north = lines.index(next(line for line in lines if b'"slug":"north"' in line))
    south = lines.index(next(line for line in lines if b'"slug":"south"' in line))
    both = [*lines[:first], *lines[north:south], *lines[north:-1]]
    return [*both, _end(both)]


def _in_a_seals_line(lines: list[bytes]) -> list[bytes]:
    event = json.loads(lines[_event_at(lines)]) | {"actionId": "forged"}
    return _rewritten(_at(b'{"seal"'), lambda content, _: content.update(event))(lines)


def _left_out(lines: list[bytes]) -> list[bytes]:
    at = _event_at(lines)
    return [*lines[:at], canonical(_true_digest(lines[at])), *lines[at + 1 :]]


HARMS: dict[str, Harm] = {
    "a changed event with the digest of the true one": _rewritten(
        _event_at, lambda content, line: content.update(amountMinor=999_999, **_true_digest(line))
    ),
    "a digest in the place of an event": _left_out,
    "a changed event under no seal, with a digest": _rewritten(
        _last_event, lambda content, line: content.update(_true_digest(line))
    ),
    "an event with a key of its own": _rewritten(_last_event, lambda content, _: content.update(more=1)),
    "an event with a key too few": _rewritten(_last_event, lambda content, _: content.pop("meta")),
    "an event of another operator": _rewritten(
        _last_event, lambda content, _: content.update(operatorId=str(UUID(int=5)))
    ),
    "an event in the line of a seal": _in_a_seals_line,
    "a seal that says more": _rewritten(_at(b'{"seal"'), lambda content, _: content["seal"].update(more=1)),
    "an operator that says more": _rewritten(
        _at(b'{"operator"'), lambda content, _: content["operator"].update(a=1)
    ),
    "something beside an operator": _rewritten(_at(b'{"operator"'), lambda content, _: content.update(a=1)),
    "something beside the end": _rewritten(_at(b'{"end"'), lambda content, _: content.update(a=1)),
    "something beside the beginning": _rewritten(_at(b'{"export"'), lambda content, _: content.update(a=1)),
    "a beginning that says more": _rewritten(_at(b'{"export"'), lambda content, _: content["export"].update(a=1)),
    "an operator twice": _operator_twice,
    "a flipped bit": _flipped,
    "a deleted line": _removed,
    "a line twice": _doubled,
    "a swapped pair": _swapped,
    "a changed amount": _changed(b'"amountMinor":', b'"amountMinor":1'),
    "a changed time": _changed(b":00:00.2", b":00:00.3"),
    "a line written otherwise": _changed(b":", b": "),
    "a deleted seal": _without_a_seal,
    "a deleted stretch": _without_a_sealed_stretch,
    "no end": lambda lines: lines[:-1],
    "nothing after the middle": lambda lines: lines[: len(lines) // 2],
    "no beginning": lambda lines: lines[1:],
    "no operator": lambda lines: [line for line in lines if b'"operator"' not in line],
    "something behind the end": lambda lines: [*lines, lines[2]],
    "not JSON": lambda lines: [*lines[:5], b"{", *lines[5:]],
    "nothing": lambda lines: lines[:0],
    "another form": lambda lines: [lines[0].replace(b"ledger-1", b"ledger-2"), *lines[1:]],
}


@pytest.mark.parametrize("harm", HARMS)
def test_no_change_in_a_file_goes_unseen(finished: Path, tmp_path: Path, harm: str) -> None:
    lines = lines_of(finished)
    harmed = HARMS[harm](lines)
    assert harmed != lines
    assert not Verdict.on(written(tmp_path / "harmed", harmed)).clean


def _recorded(day: Day) -> list[str]:
    """Return the newest seals of all operators as the engine gives them out."""
    return [seal.recorded for seal in day.engine.list_seals(day.owner)]


def _end(lines: list[bytes]) -> bytes:
    events = sum(b'"eventId"' in line for line in lines)
    return canonical({"end": {"events": events, "seals": sum(line.startswith(b'{"seal"') for line in lines)}})


def _cut_at_a_seal(lines: list[bytes]) -> list[bytes]:
    """Drop all of north's lines after its first seal."""
    *_, south = (at for at, line in enumerate(lines) if line.startswith(b'{"operator"'))
    left = [*lines[: _at(b'{"seal"')(lines) + 1], *lines[south:-1]]
    return [*left, _end(left)]


def _without_south(lines: list[bytes]) -> list[bytes]:
    *_, south = (at for at, line in enumerate(lines) if line.startswith(b'{"operator"'))
    return [*lines[:south], _end(lines[:south])]


def _sealed_again(lines: list[bytes]) -> list[bytes]:
    """Change an event of north and make all seals again, as a superuser of the database could."""
    made, chain, previous = list[bytes](), bytes(32), bytes(32)
    for line in _changed(b'"amountMinor":', b'"amountMinor":1')(lines):
        content = json.loads(line)
        if "operator" in content:
            chain = previous = bytes(32)
        if "seal" in content:
            head = content["seal"] | {"previousHash": previous.hex()}
            del head["hash"]
            chain = previous = chained(chain, digest_of(canonical(head)))
            made.append(canonical({"seal": head | {"hash": chain.hex()}}))
        else:
            chain = chained(chain, digest_of(line)) if "eventId" in content else chain
            made.append(line)
    return made


FRAUDS: dict[str, Harm] = {
    "a suffix dropped at a seal": _cut_at_a_seal,
    "an operator removed": _without_south,
    "all seals made again": _sealed_again,
}


@pytest.mark.parametrize("fraud", FRAUDS)
def test_recorded_seal_shows_what_the_chain_cannot(
    sealed_day: Day, file: Path, tmp_path: Path, fraud: str
) -> None:
    recorded = _recorded(sealed_day)
    assert len(recorded) == 2
    assert Verdict.on(file, *recorded).clean
    forged = written(tmp_path / "forged", FRAUDS[fraud](lines_of(file)))
    alone = Verdict.on(forged)
    assert alone.clean
    assert "compared with no seal of yours" in alone.script_said
    assert not Verdict.on(forged, *recorded).clean


def test_recorded_seal_needs_slug_number_and_hash(sealed_day: Day, file: Path) -> None:
    (south, north) = _recorded(sealed_day)
    for seal in (north.replace("north", "south"), north.replace("=", "=1"), north[:-1] + "0", north[:-1] + "1"):
        assert Verdict.on(file, seal, south).clean == (seal == north)
    assert Verdict.on(file, north.upper()).clean


def test_older_recorded_seal_is_in_the_chain_too(sealed_day: Day, file: Path) -> None:
    (_, north), before = _recorded(sealed_day), Verdict.on(file)
    sealed_day.welcome(500)
    sealed_day.engine.sweep()
    later = exported(sealed_day.engine, file.with_name("later"))
    (_, newest) = _recorded(sealed_day)
    assert newest != north
    assert Verdict.on(later, north, newest).clean
    assert not Verdict.on(file, newest).clean
    assert before.clean


def test_of_an_agent_has_the_recorded_seals(sealed_day: Day, tmp_path: Path) -> None:
    (south, north) = _recorded(sealed_day)
    file = exported(sealed_day.engine, tmp_path / "agent", "north-a")
    assert Verdict.on(file, north).clean
    assert not Verdict.on(file, south).clean


@pytest.mark.parametrize("cut", [1, 30, 0.5])
def test_truncated_file_is_reported(finished: Path, tmp_path: Path, cut: float) -> None:
    raw = finished.read_bytes()
    length = int(len(raw) * cut) if cut < 1 else len(raw) - int(cut)
    broken = tmp_path / "broken"
    broken.write_bytes(raw[:length])
    verdict = Verdict.on(broken)
    assert not verdict.clean
    assert "breaks off" in verdict.ours.faults[-1].reason or "not whole" in verdict.ours.faults[-1].reason


def test_memory_does_not_grow_with_the_ledger(day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as many events take no more memory, apart from the storage itself."""
    monkeypatch.setattr(sealing, "PAGE", 50)
    monkeypatch.setattr(sealing, "SEAL_BATCH", 50)
    guest = day.welcome(1_000_000)
    peaks = []
    for number, spins in enumerate((250, 750)):
        day.spin(guest, 1, DOUBLE, times=spins)
        for _ in range(spins // 10):
            day.engine.sweep()
        tracemalloc.start()
        assert all(books.clean for books in day.engine.verify_seals(SYSTEM))
        file = exported(day.engine, tmp_path / str(number))
        assert Verdict.on(file).clean
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks


def test_a_line_is_the_one_that_is_sealed(sealed_day: Day, file: Path) -> None:
    with sealed_day.storage.begin(sealed_day.north.head.binding) as unit:
        extent = unit.stream.extent(sealed_day.north.operator_id)
        events = unit.stream.events(sealed_day.north.operator_id, START, extent.last, 1_000)
    assert {placed.line for placed in events} < set(lines_of(file))
