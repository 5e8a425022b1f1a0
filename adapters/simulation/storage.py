"""The storage of a simulation: its calls take turns, and fail before a commit, after it, or instead of it."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

from attrs import define, field, frozen

from ...application.errors import OutcomeUnknown, StorageUnavailable, TransientConflict
from ...application.ports.bindings import Binding
from ...application.ports.games import GameFiles
from ...application.ports.storage import Record, Storage, UnitOfWork
from ...application.ports.tenancy import Directory
from .stage import Stage


@frozen
class StagedStorage:
    """A storage behind a stage."""

    stage: Stage
    inner: Storage

    @property
    def directory(self) -> Directory:
        return cast("Directory", _StagedPort(self.stage, "directory", self.inner.directory))

    @property
    def game_files(self) -> GameFiles:
        return cast("GameFiles", _StagedPort(self.stage, "game_files", self.inner.game_files))

    def begin(self, binding: Binding) -> UnitOfWork:
        return cast("UnitOfWork", _StagedUnit(self.stage, self.inner.begin(binding), binding))

    def begin_owner_read(self) -> UnitOfWork:
        return cast("UnitOfWork", _StagedUnit(self.stage, self.inner.begin_owner_read(), None))

    def check(self) -> None:
        self.inner.check()

    def close(self) -> None:
        self.inner.close()


@define(eq=False)
class _StagedUnit:
    """A unit of work behind a stage. Its ports are staged as well."""

    stage: Stage
    inner: UnitOfWork
    binding: Binding | None
    records: list[Record] = field(init=False, factory=list)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a port
        """Return the port of the name."""
        return _StagedPort(self.stage, name, getattr(self.inner, name))

    def add(self, *records: Record) -> None:
        self.records += records
        self.inner.add(*records)

    def save(self, *records: Record) -> None:
        self.records += records
        self.inner.save(*records)

    def commit(self) -> None:
        """Commit, unless a failure strikes; the commit may also go through and fail all the same."""
        stage = self.stage
        stage.pause("commit")
        if stage.strikes(stage.weather.conflict):
            raise TransientConflict("simulated: lost against another")
        if stage.strikes(stage.weather.unavailable):
            raise StorageUnavailable("simulated: away before the commit")
        if stage.strikes(stage.weather.unknown):
            raise OutcomeUnknown("simulated: the commit did not arrive")
        self.inner.commit()
        if self.binding is not None:
            stage.committed(self.binding, self.records)
        stage.pause("committed")
        if stage.strikes(stage.weather.unknown):
            stage.note("the commit went through, its answer did not")
            raise OutcomeUnknown("simulated: the commit went through")

    def __enter__(self) -> Self:
        self.stage.pause("begin")
        self.inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.inner.__exit__(exc_type, exc, traceback)


@frozen
class _StagedPort:
    """A port whose methods take turns."""

    stage: Stage
    name: str
    port: object

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return the method, staged."""
        stage, call = self.stage, getattr(self.port, method)

        def staged(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - as the port's method
            stage.pause(f"{self.name}.{method}")
            if stage.strikes(stage.weather.conflict / 4) and self.name != "directory":
                raise TransientConflict("simulated: lost against another")
            if stage.strikes(stage.weather.unavailable / 4):
                raise StorageUnavailable("simulated: away")
            return call(*args, **named)

        return staged
