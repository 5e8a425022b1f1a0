"""Tenants: created once, also after a crash half-way; slugs and symbols belong to one."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import pytest
from attrs import define, field, frozen

from playtime.application.access import SYSTEM, StaffPrincipal
from playtime.application.engine import Engine
from playtime.application.errors import Forbidden, NotFound, StorageUnavailable
from playtime.application.ports.bindings import Binding
from playtime.application.ports.games import GameFiles
from playtime.application.ports.storage import Storage, UnitOfWork
from playtime.application.ports.tenancy import Directory, DirectoryEntry
from playtime.application.tenancy.tenants import TenantRecord
from playtime.contracts.doubles import ScriptedRandomness, build_engine
from playtime.domain.access.codes import ALPHABET, symbols_of
from playtime.domain.errors import DomainError, InvalidInput
from playtime.domain.tenancy.tenants import PLATFORM_ID, SlugTaken, TenantKind, TenantStatus

from support.day import EVERYTHING, Day, build_day

OPERATOR, AGENT, DEV = TenantKind.OPERATOR, TenantKind.AGENT, TenantKind.DEV


class PowerCut(Exception):
    """The process is gone."""


@define
class InterruptedDirectory:
    """A directory that can be made to fail, or to be too slow, at its next registration."""

    inner: Directory
    cuts: int = 0
    rivals: list[DirectoryEntry] = field(factory=list)

    def by_slug(self, slug: str) -> DirectoryEntry | None:
        return self.inner.by_slug(slug)

    def by_symbols(self, code_symbols: str) -> DirectoryEntry | None:
        return self.inner.by_symbols(code_symbols)

    def by_tenant(self, tenant_id: UUID) -> DirectoryEntry | None:
        return self.inner.by_tenant(tenant_id)

    def operators(self) -> Sequence[DirectoryEntry]:
        return self.inner.operators()

    def set_status(self, tenant_id: UUID, status: TenantStatus) -> None:
        self.inner.set_status(tenant_id, status)

    def register(self, entry: DirectoryEntry) -> Literal["done", "slug", "code_symbols"]:
        if self.cuts:
            self.cuts -= 1
            raise PowerCut
        if self.rivals:
            assert self.inner.register(self.rivals.pop(0)) == "done"
        return self.inner.register(entry)


@frozen
class InterruptedStorage:
    """A storage with such a directory."""

    inner: Storage
    directory: InterruptedDirectory

    @property
    def game_files(self) -> GameFiles:
        return self.inner.game_files

    def begin(self, binding: Binding) -> UnitOfWork:
        return self.inner.begin(binding)

    def begin_owner_read(self) -> UnitOfWork:
        return self.inner.begin_owner_read()

    def check(self) -> None:
        self.inner.check()

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def frail(storage: Storage) -> InterruptedStorage:
    return InterruptedStorage(storage, InterruptedDirectory(storage.directory))


def _create(
    engine: Engine, slug: str, kind: TenantKind, who: StaffPrincipal = SYSTEM, **about: Any
) -> TenantRecord:
    return engine.create_tenant(who, **{"slug": slug, "name": slug.title(), "kind": kind} | about)


def _slugs(engine: Engine, who: StaffPrincipal = SYSTEM) -> list[str]:
    return sorted(tenant.slug for tenant in engine.list_tenants(who, EVERYTHING))


def test_an_operator_is_its_own_root_below_the_platform(day: Day) -> None:
    made = _create(day.engine, "east", OPERATOR)
    assert (made.slug, made.name, made.kind) == ("east", "East", OPERATOR)
    assert (made.parent_id, made.status, made.code_symbols) == (PLATFORM_ID, "ACTIVE", None)
    entry = day.storage.directory.by_slug("east")
    assert entry is not None
    assert entry.operator_id == entry.tenant_id == made.tenant_id
    assert day.balance(day.north) == 0


def test_an_agent_has_symbols_that_lead_to_it(day: Day) -> None:
    made = _create(day.engine, "north-c", AGENT, day.north.head, region=" Utah ")
    assert (made.parent_id, made.region) == (day.north.tenant_id, "Utah")
    assert made.code_symbols is not None
    entry = day.storage.directory.by_symbols(made.code_symbols)
    assert entry is not None
    assert (entry.tenant_id, entry.operator_id) == (made.tenant_id, day.north.operator_id)


def test_the_owner_names_the_operator_of_an_agent(day: Day) -> None:
    made = _create(day.engine, "south-b", AGENT, parent_id=day.south.tenant_id)
    assert made.parent_id == day.south.tenant_id
    with pytest.raises(InvalidInput) as refused:
        _create(day.engine, "south-c", AGENT)
    assert refused.value.path == "parent_id"


def _who(day: Day, name: str) -> StaffPrincipal:
    desk, _, person = name.partition(".")
    return day.owner if desk == "owner" else getattr(getattr(day, desk), person)


@pytest.mark.parametrize(
    ("who", "kind", "parent", "refusal"),
    [
        ("owner", DEV, None, InvalidInput),
        ("owner", OPERATOR, "north", InvalidInput),
        ("owner", AGENT, "agent", InvalidInput),
        ("north.head", OPERATOR, None, Forbidden),
        ("north.head", DEV, None, InvalidInput),
        ("north.head", AGENT, "south", NotFound),
        ("north.head", AGENT, "agent", InvalidInput),
        ("north.head", AGENT, "stranger", NotFound),
        ("north.cashier", AGENT, None, Forbidden),
        ("north.analyst", AGENT, None, Forbidden),
        ("agent.head", AGENT, None, Forbidden),
        ("agent.head", AGENT, "north", Forbidden),
        ("agent.head", OPERATOR, None, Forbidden),
        ("agent.cashier", AGENT, None, Forbidden),
    ],
)
def test_who_may_create_what_where(
    day: Day, who: str, kind: TenantKind, parent: str | None, refusal: type[DomainError]
) -> None:
    before = _slugs(day.engine)
    parent_id = None if parent is None else getattr(day, parent).tenant_id
    with pytest.raises(refusal):
        _create(day.engine, "new", kind, _who(day, who), parent_id=parent_id)
    assert _slugs(day.engine) == before


def test_an_unknown_parent_is_not_found(day: Day) -> None:
    with pytest.raises(NotFound):
        _create(day.engine, "new", AGENT, parent_id=UUID(int=9))


@pytest.mark.parametrize("kind", [OPERATOR, AGENT])
@pytest.mark.parametrize("slug", ["north", "south", "north-a", "south-a", "platform"])
def test_a_slug_names_one_tenant_of_the_whole_installation(day: Day, slug: str, kind: TenantKind) -> None:
    parent_id = day.north.tenant_id if kind is AGENT else None
    with pytest.raises(SlugTaken) as refused:
        _create(day.engine, slug, kind, parent_id=parent_id)
    assert refused.value.slug == slug


def test_a_taken_slug_says_nothing_of_its_tenant(day: Day) -> None:
    said = set()
    for slug in ("north", "south", "north-a", "south-a", "platform"):
        with pytest.raises(SlugTaken) as refused:
            _create(day.engine, slug, AGENT, day.north.head)
        assert refused.value.data() == {"slug": slug}
        said.add(str(refused.value).replace(f" {slug} ", " ... "))
    assert said == {"The slug ... is taken. All operators share the slugs: choose another one."}


@pytest.mark.parametrize(
    "about", [{"slug": "A"}, {"slug": "x--y"}, {"name": " "}, {"name": "\n"}, {"region": ""}, {"region": "\0"}]
)
def test_names_slugs_and_regions_are_checked(day: Day, about: dict[str, str]) -> None:
    before = _slugs(day.engine)
    wanted: dict[str, Any] = {"slug": "good", "name": "Good", "kind": AGENT} | about
    with pytest.raises(InvalidInput) as refused:
        day.engine.create_tenant(day.north.head, **wanted)
    assert refused.value.path == next(iter(about))
    assert _slugs(day.engine) == before


def test_repeat_finishes_a_creation_cut_off_before_the_directory(
    frail: InterruptedStorage,
) -> None:
    day = build_day(frail)
    frail.directory.cuts = 1
    with pytest.raises(PowerCut):
        _create(day.engine, "north-c", AGENT, day.north.head)
    assert frail.directory.by_slug("north-c") is None
    made = _create(day.engine, "north-c", AGENT, day.north.head)
    entry = frail.directory.by_slug("north-c")
    assert entry is not None
    assert (entry.tenant_id, entry.code_symbols) == (made.tenant_id, made.code_symbols)
    assert _slugs(day.engine).count("north-c") == 1
    day.engine.give_credit(day.owner, day.north.tenant_id, amount_minor=5, memo="m")
    day.engine.give_credit(day.north.head, made.tenant_id, amount_minor=5, memo="m")
    day.books()


def test_another_request_for_a_slug_left_half_way_is_refused(frail: InterruptedStorage) -> None:
    day = build_day(frail)
    frail.directory.cuts = 1
    with pytest.raises(PowerCut):
        _create(day.engine, "north-c", AGENT, day.north.head)
    with pytest.raises(SlugTaken):
        _create(day.engine, "north-c", AGENT, day.north.head, name="Somebody else")


def test_operator_cut_off_before_directory_can_be_created_again(frail: InterruptedStorage) -> None:
    day = build_day(frail)
    frail.directory.cuts = 1
    with pytest.raises(PowerCut):
        _create(day.engine, "east", OPERATOR)
    made = _create(day.engine, "east", OPERATOR)
    entry = frail.directory.by_slug("east")
    assert entry is not None
    assert entry.tenant_id == made.tenant_id
    day.engine.give_credit(day.owner, made.tenant_id, amount_minor=5, memo="m")
    day.books()


def test_next_start_finishes_a_platform_cut_off_before_directory(frail: InterruptedStorage) -> None:
    engine = build_engine(frail)
    frail.directory.cuts = 1
    with pytest.raises(PowerCut):
        engine.create_platform()
    for _ in range(2):
        engine.create_platform()
        assert frail.directory.by_tenant(PLATFORM_ID) is not None
    assert _slugs(engine) == ["platform"]


def _rival(day: Day, slug: str, symbols: str) -> DirectoryEntry:
    return DirectoryEntry(
        tenant_id=UUID(int=77 << 64 | 7 << 76 | 0b10 << 62),
        operator_id=day.south.operator_id,
        kind=AGENT,
        slug=slug,
        code_symbols=symbols,
    )


def test_a_slug_taken_in_the_meantime_closes_what_was_written(frail: InterruptedStorage) -> None:
    day = build_day(frail)
    frail.directory.rivals.append(_rival(day, "north-c", "ZZZZ"))
    with pytest.raises(SlugTaken):
        _create(day.engine, "north-c", AGENT, day.north.head)
    (left,) = [tenant for tenant in day.engine.list_tenants(day.north.head) if tenant.slug == "north-c"]
    assert left.status == TenantStatus.CLOSED
    with pytest.raises(SlugTaken):
        _create(day.engine, "north-c", AGENT, day.north.head)
    with pytest.raises(NotFound):
        day.engine.give_credit(day.north.head, left.tenant_id, amount_minor=1, memo="m")


def test_symbols_taken_in_the_meantime_are_drawn_again(frail: InterruptedStorage) -> None:
    day = build_day(frail)
    day.randomness.script(12_345, 54_321)
    frail.directory.rivals.append(_rival(day, "rival", symbols_of(12_345, 4)))
    made = _create(day.engine, "north-c", AGENT, day.north.head)
    assert made.code_symbols == symbols_of(54_321, 4)
    (listed,) = [tenant for tenant in day.engine.list_tenants(day.north.head) if tenant.slug == "north-c"]
    assert listed.code_symbols == made.code_symbols
    assert frail.directory.by_symbols(symbols_of(54_321, 4)) is not None


def test_symbols_in_use_are_not_drawn_twice(day: Day) -> None:
    assert day.agent.code_symbols is not None
    used = sum(ALPHABET.index(symbol) << 5 * (3 - at) for at, symbol in enumerate(day.agent.code_symbols))
    day.randomness.script(used, used, 777)
    assert _create(day.engine, "north-c", AGENT, day.north.head).code_symbols == symbols_of(777, 4)


def test_registration_gives_up_when_symbols_are_taken_every_time(frail: InterruptedStorage) -> None:
    day = build_day(frail)
    draws = range(100, 105)
    day.randomness.script(*draws)
    for at, draw in enumerate(draws):
        rival = _rival(day, f"rival-{at}", symbols_of(draw, 4))
        frail.directory.rivals.append(
            DirectoryEntry(
                tenant_id=UUID(int=rival.tenant_id.int + at),
                operator_id=rival.operator_id,
                kind=AGENT,
                slug=rival.slug,
                code_symbols=rival.code_symbols,
            )
        )
    with pytest.raises(StorageUnavailable):
        _create(day.engine, "north-c", AGENT, day.north.head)
    assert frail.directory.by_slug("north-c") is None
    made = _create(day.engine, "north-c", AGENT, day.north.head)
    assert frail.directory.by_symbols(made.code_symbols or "") is not None


def test_everybody_lists_what_they_may_see(day: Day) -> None:
    every = ["north", "north-a", "north-b", "platform", "south", "south-a"]
    assert _slugs(day.engine) == every
    assert _slugs(day.engine, day.north.head) == ["north", "north-a", "north-b"]
    assert _slugs(day.engine, day.north.analyst) == ["north", "north-a", "north-b"]
    assert _slugs(day.engine, day.agent.head) == ["north-a"]
    assert _slugs(day.engine, day.south.head) == ["south", "south-a"]
    with pytest.raises(Forbidden):
        day.engine.list_tenants(day.agent.cashier)


def test_the_platform_is_made_once(storage: Storage) -> None:
    engine = build_engine(storage, randomness=ScriptedRandomness())
    engine.create_platform()
    engine.create_platform()
    assert _slugs(engine) == ["platform"]
