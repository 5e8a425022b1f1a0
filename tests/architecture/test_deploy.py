"""The files in deploy/: they name only what exists, and hold the promises of docs/production.md."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml  # type: ignore[import-untyped] # of schemathesis, without types

from playtime.adapters.cli.main import COMMANDS
from playtime.adapters.system.settings import PREFIX, Settings

from support.tree import ROOT

FOLDER = ROOT / "deploy"
FILES = sorted(FOLDER.iterdir())
UNITS = ["playtime.service", "playtime-backup.service", "playtime-backup.timer"]


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_name_settings_and_commands_that_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    settings = {PREFIX + setting.name.upper() for setting in attrs.fields(Settings)}
    assert set(re.findall(r"PLAYTIME_[A-Z_]+", text)) <= settings
    assert set(re.findall(r"bin/playtime (\w+)|\"playtime\", \"(\w+)\"", text)) <= {
        pair for command in COMMANDS for pair in ((command, ""), ("", command))
    }


def test_the_example_of_settings_is_accepted() -> None:
    lines = [line for line in _text("playtime.env.example").splitlines() if line and not line.startswith("#")]
    settings = Settings.from_environ(dict(line.split("=", 1) for line in lines))
    assert settings.is_secure
    assert settings.trusted_proxies == ("127.0.0.1/32",)


def test_every_file_is_described() -> None:
    document = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    assert [file.name for file in FILES if f"deploy/{file.name}" not in document] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        # The program of the unit need not be installed here.
        (tmp_path / name).write_text(_text(name).replace("/opt/playtime/.venv/bin/playtime", "/bin/true"))
    ended = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in ended.stderr.splitlines() if "playtime" in line and "Unknown" in line]
    assert not found


def test_service_runs_with_few_rights_and_time_to_stop() -> None:
    unit = _text("playtime.service")
    few = "User=playtime", "NoNewPrivileges=true", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"
    for line in few:
        assert f"\n{line}\n" in unit
    found = re.search(r"TimeoutStopSec=(\d+)", unit)
    assert found
    assert int(found[1]) > 20, "an embedded database gets 20 s to stop by itself"


def test_container_installs_by_hash_and_is_not_root() -> None:
    text = _text("Containerfile")
    assert "--require-hashes -r requirements.lock" in text
    assert "--no-deps --no-build-isolation" in text
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    assert text.index("USER 10001") < text.index('CMD ["playtime", "serve"]')


def test_compose_opens_one_port_of_this_machine() -> None:
    service: dict[str, Any] = yaml.safe_load(_text("compose.yaml"))["services"]["playtime"]
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
    assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize(
    ("name", "request_id", "size"),
    [
        ("nginx.conf", "X-Request-Id $request_id;", "client_max_body_size 5m"),
        ("Caddyfile", "header_up X-Request-Id", "max_size 5MB"),
    ],
)
def test_proxies_name_requests_and_bound_bodies_and_times(name: str, request_id: str, size: str) -> None:
    text = _text(name)
    assert request_id in text
    assert size in text, "a report of external events has 4,500 KiB"
    assert text.count("{") == text.count("}")
    assert "timeout" in text
    assert "127.0.0.1:8000" in text
