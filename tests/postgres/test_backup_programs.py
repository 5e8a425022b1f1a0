"""The ends of PostgreSQL's programs in a backup or restore, and what the list of processes shows of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from playtime.adapters.postgres.backup import programs
from playtime.adapters.postgres.backup.programs import DatabaseProgram
from playtime.adapters.postgres.embedded.binaries import Binaries
from playtime.application.errors import SetupError

TOLERATED = "transaction_timeout"
KNOWN = f'echo "pg_restore: error: unrecognized configuration parameter \\"{TOLERATED}\\"" >&2'

Fake = Callable[[str], DatabaseProgram]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Makes a pg_restore that runs a shell script."""
    program = tmp_path / "pg_restore"
    monkeypatch.setattr(programs, "find_binaries", lambda: Binaries(directory=tmp_path, major=16))

    def made(script: str) -> DatabaseProgram:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return DatabaseProgram("pg_restore", [], tolerated=TOLERATED)

    return made


def test_tolerated_error_alone_is_a_success(fake: Fake) -> None:
    assert fake(f"{KNOWN}; echo done; exit 1").feed([]) == "done\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -9 $$", "pg_restore failed: ended by the signal SIGKILL"),
        (f"{KNOWN}; kill -9 $$", "ended by the signal SIGKILL"),
        (f"{KNOWN}; exit 2", "pg_restore failed: status 2"),
        ("exit 1", "pg_restore failed: status 1"),
        (f'{KNOWN}; echo "pg_restore: error: no room" >&2; exit 1', "status 1: pg_restore: error: no room"),
    ],
)
def test_every_other_end_is_a_failure(fake: Fake, script: str, reason: str) -> None:
    with pytest.raises(SetupError, match=reason):
        fake(script).feed([])


@pytest.mark.parametrize("name", ["sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"])
def test_secret_that_processes_would_show_is_refused(fake: Fake, name: str) -> None:
    program = fake("echo started")
    url = f"postgresql://playtime_backup:word@/playtime?{name}=a-secret"
    known = DatabaseProgram(program.name, [], url)
    with pytest.raises(SetupError) as caught:
        known.feed([])
    assert name in str(caught.value)
    assert "a-secret" not in str(caught.value)


def test_password_is_not_in_the_list_of_processes(fake: Fake) -> None:
    program = fake('echo "$@ $PGPASSWORD"')
    said = DatabaseProgram(program.name, [], "postgresql://reader:word@/playtime").feed([]).split()
    assert said.count("word") == 1
    assert said[-1] == "word"
