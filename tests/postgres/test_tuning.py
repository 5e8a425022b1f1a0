"""The settings of PostgreSQL that fit a machine, and the machine that they are made for."""

import os
from pathlib import Path

import psycopg
import pytest

from playtime.adapters.postgres.admin.settings import compare_settings
from playtime.adapters.postgres.embedded.machine import MEGABYTE, Machine
from playtime.adapters.postgres.embedded.tuning import PLANNER, PROMISED, Setting, fitting

from support.postgres.database import TestDatabase

SIZES = ("shared_buffers", "effective_cache_size", "maintenance_work_mem", "work_mem", "max_wal_size")


def sizes(megabytes: int, *, is_shared: bool, cores: int = 2) -> list[str]:
    settings = fitting(Machine(megabytes * MEGABYTE, cores), is_shared=is_shared)
    values = {setting.name: setting.value for setting in settings}
    return [values[name] for name in SIZES]


@pytest.mark.parametrize(
    ("megabytes", "expected"),
    [
        (200, ["32MB", "100MB", "64MB", "4MB", "2GB"]),
        (1_024, ["128MB", "512MB", "64MB", "4MB", "2GB"]),
        (4_000, ["500MB", "2000MB", "125MB", "10MB", "2GB"]),
        (1_000_000, ["1GB", "500000MB", "256MB", "16MB", "2GB"]),
    ],
)
def test_shared_machine_gives_a_part_of_its_memory(megabytes: int, expected: list[str]) -> None:
    assert sizes(megabytes, is_shared=True) == expected


@pytest.mark.parametrize(
    ("megabytes", "expected"),
    [
        (512, ["128MB", "384MB", "64MB", "4MB", "4GB"]),
        (16_384, ["4GB", "12GB", "512MB", "16MB", "4GB"]),
        (1_000_000, ["8GB", "750000MB", "1GB", "16MB", "4GB"]),
    ],
)
def test_machine_of_its_own_gives_more(megabytes: int, expected: list[str]) -> None:
    assert sizes(megabytes, is_shared=False) == expected


def test_memory_stays_within_the_machine() -> None:
    for megabytes in (64, 128, 1_000, 70_000):
        for is_shared in (True, False):
            buffers = sizes(megabytes, is_shared=is_shared)[0]
            size = int(buffers[:-2]) * (1_024 if buffers.endswith("GB") else 1)
            assert size <= megabytes / 2


def test_every_setting_has_a_reason_and_comes_once() -> None:
    settings = fitting(Machine(MEGABYTE, 1), is_shared=True)
    assert all(setting.reason for setting in settings)
    assert len({setting.name for setting in settings}) == len(settings)


def test_promised_settings_are_on() -> None:
    assert {setting.name: setting.value for setting in PROMISED} == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
    }
    assert set(PROMISED) <= set(fitting(Machine(MEGABYTE, 1), is_shared=False))


def limited(root: Path, groups: str, files: dict[str, str]) -> Machine:
    """Return the machine with these files of cgroups."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Machine.here(root)


V2 = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/\n", {f"{V2}/memory.max": "10485760\n", f"{V2}/cpu.max": "100 1000\n"}),
        ("0::/a/b\n", {f"{V2}/a/b/memory.max": "10485760\n", f"{V2}/a/cpu.max": "1000 1000\n"}),
        # The limit of a group above counts as well.
        (
            "0::/a/b\n",
            {f"{V2}/a/b/memory.max": "max\n", f"{V2}/a/memory.max": "10485760\n", f"{V2}/cpu.max": "1 1"},
        ),
        # The path is the host's, and only the container's own group is there.
        (
            "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n",
            {
                f"{V2}/memory/memory.limit_in_bytes": "10485760\n",
                f"{V2}/cpu/cpu.cfs_quota_us": "50000\n",
                f"{V2}/cpu/cpu.cfs_period_us": "100000\n",
            },
        ),
    ],
)
def test_container_limits_memory_and_cores(tmp_path: Path, groups: str, files: dict[str, str]) -> None:
    assert limited(tmp_path, groups, files) == Machine(10 * MEGABYTE, 1)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {f"{V2}/memory.max": "max\n", f"{V2}/cpu.max": "max 100000\n"},
        {f"{V2}/memory.max": f"{1 << 62}\n", f"{V2}/cpu.max": "99999999 1000\n"},
        {f"{V2}/cpu/cpu.cfs_quota_us": "-1\n", f"{V2}/cpu/cpu.cfs_period_us": "100000\n"},
    ],
)
def test_no_limit_leaves_the_whole_machine(tmp_path: Path, files: dict[str, str]) -> None:
    whole = Machine.here(tmp_path / "nowhere")
    assert whole.memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 1 <= whole.cores <= (os.cpu_count() or 1)
    assert limited(tmp_path, "0::/\n2:cpu:/\n", files) == whole


def test_unknown_memory_is_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> int:
        raise ValueError

    monkeypatch.setattr(os, "sysconf", unknown)
    assert Machine.here(tmp_path).memory_bytes == 1_024 * MEGABYTE


def test_servers_of_tests_plan_alike_and_get_no_more_memory(shared: TestDatabase) -> None:
    default = Setting("shared_buffers", "128MB", "as PostgreSQL's own default")
    report = compare_settings(Machine(1, 1), [*PLANNER, default], shared.app_url)
    assert (report.differing, report.silence) == ([], None)


def test_report_shows_what_the_server_has_otherwise(shared: TestDatabase) -> None:
    settings = [Setting("jit", "on", "why"), Setting("fsync", "off", "a reason"), PLANNER[0]]
    report = compare_settings(Machine(3 * MEGABYTE, 2), settings[:2], shared.app_url)
    assert report.lines() == [
        "# For 2 cores and 3 MB of memory.",
        "# why",
        "jit = on  # the server has off",
        "# a reason",
        "fsync = off",
        "# 1 of 2 differ on the server.",
    ]


def test_lines_are_a_configuration_file(shared: TestDatabase) -> None:
    """The server itself reads every value, and writes it as we do: so values can be compared as text."""
    settings = fitting(Machine(5_000 * MEGABYTE, 4), is_shared=False)
    with psycopg.connect(shared.superuser_url) as connection:
        for setting in settings:
            row = connection.execute(
                "select context, current_setting(name) from pg_settings where name = %s", (setting.name,)
            ).fetchone()
            assert row is not None, setting
            if row[0] in {"user", "superuser"}:
                connection.execute("select set_config(%s, %s, true)", (setting.name, setting.value))
                assert connection.execute(f"show {setting.name}".encode()).fetchone() == (setting.value,)


def test_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = f"postgresql://nobody@/nowhere?host={tmp_path}"
    report = compare_settings(Machine(MEGABYTE, 1), PLANNER, url)
    assert report.differing == []
    (last,) = [line for line in report.lines() if "not known" in line]
    assert last.startswith("# The server's own settings are not known: the database of PLAYTIME_DATABASE_URL")
    assert "\n" not in last
