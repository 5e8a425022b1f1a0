"""Planted faults for the simulation: engines of which one thing is wrong."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from attrs import evolve

from playtime.adapters.simulation.run import Build, SeedOutcome, simulate
from playtime.adapters.simulation.stage import Stage
from playtime.application.engine import EngineParts
from playtime.application.ports.bindings import AnswerKey, Binding, StoredAnswer
from playtime.application.ports.storage import Record, Storage, UnitOfWork
from playtime.bootstrap import simulated_parts
from playtime.domain.ledger.wallet import Wallet
from playtime.domain.tenancy.tenants import TenantWallet

STEPS: Final = 150


def first_failure(build: Build, seeds: int = 60) -> SeedOutcome:
    """Return the outcome of the first seed that failed."""
    for seed in range(seeds):
        outcome = simulate(seed, build, STEPS)
        if outcome.failure is not None:
            return outcome
    raise AssertionError(f"{seeds} seeds held")


class Passing:
    """A wrapper that passes everything on; a fault overrides a part of it."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - a storage, a unit or a port
        self.inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the inner one
        return getattr(self.inner, name)


class FaultyUnit(Passing):
    """A unit of work to be made faulty."""

    def __init__(self, inner: UnitOfWork, storage: Storage, binding: Binding) -> None:
        super().__init__(inner)
        self.storage, self.binding = storage, binding

    def __enter__(self) -> Any:  # noqa: ANN401 - itself, as a unit of work
        self.inner.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.inner.__exit__(*raised)


class FaultyStorage(Passing):
    """A storage with faulty units of work."""

    def __init__(self, inner: Storage, unit: type[FaultyUnit]) -> None:
        super().__init__(inner)
        self.unit = unit

    def begin(self, binding: Binding) -> Any:  # noqa: ANN401 - a unit of work
        return self.unit(self.inner.begin(binding), self.inner, binding)


class ForgetsAnswers(FaultyUnit):
    """A unit that stores no answer: a client that asks again after an unknown outcome pays again."""

    def add(self, *records: Record) -> None:
        self.inner.add(*(record for record in records if not isinstance(record, StoredAnswer)))


class KeepsAnswersApart(FaultyUnit):
    """A unit that stores the answer in another transaction, after that of the command."""

    def __init__(self, inner: UnitOfWork, storage: Storage, binding: Binding) -> None:
        super().__init__(inner, storage, binding)
        self.answers: list[Record] = []

    def add(self, *records: Record) -> None:
        self.answers += (record for record in records if isinstance(record, StoredAnswer))
        self.inner.add(*(record for record in records if not isinstance(record, StoredAnswer)))

    def commit(self) -> None:
        self.inner.commit()
        if self.answers:
            with self.storage.begin(self.binding) as unit:
                unit.add(*self.answers)
                unit.commit()


class LocksNoWallet(FaultyUnit):
    """Reads a wallet where it should lock one."""

    @property
    def wallets(self) -> Any:  # noqa: ANN401 - the port with one method replaced
        operator_id = self.binding.operator_id

        class Unlocked(Passing):
            def lock(self, tenant_ids: Sequence[UUID], key: AnswerKey | None = None) -> Any:  # noqa: ANN401 - as the port
                found = {tenant_id: self.inner.summary(tenant_id) for tenant_id in tenant_ids}
                _, answer = self.inner.lock([], key)
                wallets = {
                    tenant_id: TenantWallet(
                        operator_id=operator_id, tenant_id=tenant_id, wallet=Wallet(summary.balance_minor)
                    )
                    for tenant_id, summary in found.items()
                    if summary is not None
                }
                return wallets, answer

        return Unlocked(self.inner.wallets)


class SaysYesTooSoon(FaultyUnit):
    """Drops every twentieth commit that has an answer in it, and says that it went through."""

    count = 0

    def __init__(self, inner: UnitOfWork, storage: Storage, binding: Binding) -> None:
        super().__init__(inner, storage, binding)
        self.counts = False

    def add(self, *records: Record) -> None:
        self.counts = self.counts or any(isinstance(record, StoredAnswer) for record in records)
        self.inner.add(*records)

    def commit(self) -> None:
        SaysYesTooSoon.count += self.counts
        if not self.counts or SaysYesTooSoon.count % 20:
            self.inner.commit()


def on_faulty(unit: type[FaultyUnit]) -> Build:
    """Return a build of engines with faulty units of work."""

    def build(stage: Stage) -> tuple[EngineParts, Storage]:
        parts, storage = simulated_parts(stage)
        if hasattr(unit, "count"):
            unit.count = 0
        faulty: Any = FaultyStorage(parts.storage, unit)
        return evolve(parts, storage=faulty), storage

    return build
