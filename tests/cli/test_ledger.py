"""Exporting and checking the ledger as commands."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from playtime.domain.ledger.seals import canonical

from support.crash.servers import embedded_url
from support.ledger_export import Verdict, lines_of, written
from support.program import BIN, Command, new_command
from support.tree import ROOT


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command, command.database_up():
        assert command.run("demo", "--once", "--spins", "200").returncode == 0
        assert command.run("sweep").returncode == 0
        yield command


def test_an_export_is_checked_without_a_database(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl.gz"
    ran = command.run("ledger", "export", str(file))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith(f" events of 2 ledgers in {file}\n")
    assert Verdict.on(file).clean
    # No home and no database: nothing but the file.
    nowhere = Command(tmp_path / "nowhere", extra={"PLAYTIME_DATABASE_URL": "postgresql://127.0.0.1:1/none"})
    checked = nowhere.run("ledger", "verify", "--file", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    verified = command.run("ledger", "verify")
    seals = [line for line in verified.stdout.splitlines() if "; seal " in line]
    assert seals
    assert set(seals) < set(checked.stdout.splitlines()), "the same seals as in the database"
    again = command.run("ledger", "export", str(file))
    assert (again.returncode, again.stderr.strip().splitlines()[-1]) == (1, f"Error: {file} is there already.")


def test_recorded_seals_are_compared(command: Command, tmp_path: Path) -> None:
    notes = tmp_path / "seals"
    noting = Command(command.home, extra={"PLAYTIME_SEALS_FILE": str(notes)})
    assert noting.run("sweep").returncode == 0
    (seal,) = (line.partition(" #")[0] for line in notes.read_text().splitlines())
    file = tmp_path / "ledger"
    assert command.run("ledger", "export", str(file)).returncode == 0
    absent = f"demo-1=9999:{'0' * 64}"
    for words in ((), ("--file", str(file))):
        alone = command.run("ledger", "verify", *words)
        assert (alone.returncode, "\ncompared with no seal of yours\n" in alone.stdout) == (0, True)
        for given in (("--seal", seal), ("--seals", str(notes))):
            held = command.run("ledger", "verify", *words, *given)
            assert (held.returncode, held.stderr) == (0, ""), held.stdout
            assert "\ncompared with 1 seal of yours, 0 missing\n" in held.stdout
        found = command.run("ledger", "verify", *words, "--seal", seal, "--seal", absent)
        assert found.returncode == 1
        assert f"MISSING your seal {absent}: the chain does not have it\n" in found.stdout
        assert found.stdout.endswith(" ledgers: NOT CLEAN\n")
    junk = command.run("ledger", "verify", "--file", str(file), "--seal", "demo-1")
    assert (junk.returncode, "'--seal': must be SLUG=NUMBER:HASH" in junk.stderr) == (2, True), junk.stderr
    for content, said in (("# nothing\n", "has no seals"), ("demo-1\n", "line 1: must be SLUG=NUMBER:HASH")):
        notes.write_text(content)
        refused = command.run("ledger", "verify", "--file", str(file), "--seals", str(notes))
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--seals", "SEALS"], "demo-1 must be SLUG=N:HASH"),
        (["--seal", "junk"], "junk must be SLUG=N:HASH"),
        (["--seal"], "a seal must be SLUG=N:HASH"),
        (["--junk", "junk"], "--junk is not an option"),
        (["--seal", "#"], "a seal must be SLUG=N:HASH"),
    ],
)
def test_the_page_of_python_names_its_wrong_options(tmp_path: Path, given: list[str], said: str) -> None:
    seals = tmp_path / "seals"
    seals.write_text("# mine\ndemo-1\n")
    words = [str(seals) if word == "SEALS" else word for word in given]
    script = [sys.executable, str(ROOT / "docs" / "verify_ledger.py"), "no file", *words]
    ran = subprocess.run(script, capture_output=True, check=False, text=True)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert ran.stderr.startswith(said)


def test_damaged_file_is_reported(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    assert command.run("ledger", "export", str(file), "--tenant", "demo-1").returncode == 0
    lines = lines_of(file)
    agents = tmp_path / "agents"
    assert command.run("ledger", "export", str(agents), "--tenant", "demo-1-agent-1").returncode == 0
    digests = sum(b'{"digest"' in line for line in lines_of(agents))
    printed = command.run("ledger", "verify", "--file", str(agents)).stdout
    assert digests
    assert f"{digests} digests in place of events that are not in the file\n" in printed
    harmed = written(tmp_path / "harmed", [line.replace(b'"BET"', b'"WIN"') for line in lines])
    checked = command.run("ledger", "verify", "--file", str(harmed))
    assert checked.returncode == 1
    assert "BROKEN seal 1: the events are not those that were sealed" in checked.stdout
    cut = written(tmp_path / "cut", lines[:-1])
    assert "the file is not whole" in command.run("ledger", "verify", "--file", str(cut)).stdout
    missing = command.run("ledger", "verify", "--file", str(tmp_path / "missing"))
    assert (missing.returncode, "Traceback" in missing.stderr) == (1, False)
    (tmp_path / "text").write_text("not a ledger")
    assert command.run("ledger", "verify", "--file", str(tmp_path / "text")).returncode == 1


def test_one_that_is_killed_is_gone_on_with(command: Command, tmp_path: Path) -> None:
    """Wherever the kill comes, the file that is there in the end is whole."""
    file = tmp_path / "ledger"
    words = [str(BIN / "playtime"), "ledger", "export", str(file)]
    for _ in range(2):
        with subprocess.Popen(words, env=command.environ, cwd=ROOT, stderr=subprocess.DEVNULL) as export:
            deadline = time.monotonic() + 60
            while not file.with_name("ledger.part").exists() and not file.exists():
                assert time.monotonic() < deadline
                time.sleep(0.001)
            export.send_signal(signal.SIGKILL)
        if file.exists():
            break
    ran = command.run("ledger", "export", str(file))
    assert ran.returncode == 0 or file.exists()
    assert Verdict.on(file).clean
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]


def test_external_events_are_imported_once_and_duplicates_marked(command: Command, tmp_path: Path) -> None:
    exported = tmp_path / "ours"
    assert command.run("ledger", "export", str(exported), "--tenant", "demo-1").returncode == 0
    refused = command.run("ledger", "import", str(exported))
    assert (refused.returncode, "only external events are imported" in refused.stderr) == (1, True)
    header, operator, *rest, _ = lines_of(exported)
    bet = json.loads(next(line for line in rest if b'"BET"' in line))
    external = bet | {name: None for name in bet if name.startswith(("from", "to"))} | {"source": "EXTERNAL"}
    named = {"actionId": "theirs", "playerSeq": None}
    twice = [canonical(external | named | {"actorId": str(UUID(int=number))}) for number in range(2)]
    file = written(tmp_path / "theirs", [header, operator, *twice, canonical({"end": {"events": 2, "seals": 0}})])
    imported = command.run("ledger", "import", str(file))
    said = "2 events added, 0 there already, 0 left out, 0 in conflict with the books\n"
    assert imported.stdout == said, imported.stderr
    again = command.run("ledger", "import", str(file))
    assert again.stdout == "0 events added, 2 there already, 0 left out, 0 in conflict with the books\n"
    found = command.run("ledger", "dedupe")
    assert "demo-1: 1 duplicate, 0 marked\n" in found.stdout
    assert "(theirs) repeats " in found.stdout
    assert "demo-1: 1 duplicate, 1 marked\n" in command.run("ledger", "dedupe", "--apply").stdout
    assert "demo-1: 0 duplicates, 0 marked\n" in command.run("ledger", "dedupe").stdout
    assert command.run("audit", "run").stdout.endswith(" rules: clean\n")
    missing = command.run("ledger", "import", str(tmp_path / "missing"))
    assert (missing.returncode, "There is no file" in missing.stderr) == (1, True)


def test_foreign_row_breaks_its_seal_and_not_the_command(command: Command) -> None:
    assert command.run("ledger", "verify").returncode == 0
    with psycopg.connect(embedded_url(command.home)) as connection:
        connection.execute(
            "update playtime.ledger_events set event_type = 'NOTHING' where event_id = ("
            "select event_id from playtime.ledger_events where event_type = 'BET' and source = 'PLAYTIME' limit 1)"
        )
        connection.commit()
        verified = command.run("ledger", "verify")
    assert (verified.returncode, verified.stderr) == (1, "")
    assert "demo-1: NOT CLEAN; a row cannot be read: 'NOTHING' is not a valid EventType" in verified.stdout
    assert "BROKEN seal 1: the events are not those that were sealed" in verified.stdout
