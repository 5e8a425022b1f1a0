"""Settings: complete, checked, and never shown."""

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from playtime.adapters.system.settings import PREFIX, Settings, SettingsError
from playtime.application.errors import SetupError

from support.tree import ROOT

HEX = "ab" * 32


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environ({"HOME": "/somewhere", "PATH": "x"}) == Settings()


def test_every_setting_is_read() -> None:
    environ = {
        "PLAYTIME_STORAGE": "postgres",
        "PLAYTIME_HOME": "/srv/playtime",
        "PLAYTIME_DATABASE_URL": "postgresql://app@db/playtime",
        "PLAYTIME_MIGRATOR_URL": "postgresql://migrator@db/playtime",
        "PLAYTIME_OWNER_READ_URL": "postgresql://owner@db/playtime",
        "PLAYTIME_BACKUP_URL": "postgresql://backup@db/playtime",
        "PLAYTIME_POOL_SIZE": "3",
        "PLAYTIME_DATABASE_SECONDS": "7",
        "PLAYTIME_REPORT_SECONDS": "90",
        "PLAYTIME_SPINS_TOGETHER": "8",
        "PLAYTIME_HOST": "192.0.2.7",
        "PLAYTIME_PORT": "9000",
        "PLAYTIME_PUBLIC_URL": "https://play.example.com/fun/",
        "PLAYTIME_LOG_FORMAT": "json",
        "PLAYTIME_SECURITY_CONTACT": "mailto:security@example.com",
        "PLAYTIME_TLS_CERT": "/srv/cert.pem",
        "PLAYTIME_TLS_KEY": "/srv/key.pem",
        "PLAYTIME_ALLOWED_ORIGINS": "https://shop.example.com, http://localhost:3000",
        "PLAYTIME_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1",
        "PLAYTIME_WORKERS": "4",
        "PLAYTIME_THREADS": "5",
        "PLAYTIME_SWEEP_SECONDS": "6",
        "PLAYTIME_GAMES": "/srv/games",
        "PLAYTIME_SEALS_FILE": "/srv/seals",
        "PLAYTIME_JWT_SECRET": HEX,
        "PLAYTIME_PIN_SECRETS": f"k2={HEX}, k1={HEX}",
    }
    assert set(environ) == {PREFIX + setting.name.upper() for setting in attrs.fields(Settings)}
    settings = Settings.from_environ(environ)
    assert settings.home == Path("/srv/playtime")
    assert (settings.pool_size, settings.port, settings.workers, settings.threads) == (3, 9000, 4, 5)
    assert settings.sweep_seconds == 6
    assert (settings.database_seconds, settings.report_seconds) == (7, 90)
    assert settings.spins_together == 8
    assert settings.games == Path("/srv/games")
    assert settings.seals_file == Path("/srv/seals")
    assert settings.public_url == "https://play.example.com/fun"
    assert settings.tls == (Path("/srv/cert.pem"), Path("/srv/key.pem"))
    assert settings.log_format == "json"
    assert settings.security_contact == "mailto:security@example.com"
    assert settings.server_url == "https://192.0.2.7:9000"
    assert settings.allowed_origins == ("https://shop.example.com", "http://localhost:3000")
    assert settings.trusted_proxies == ("10.0.0.0/8", "2001:db8::1/128")
    assert list(settings.pin_secrets) == ["k2", "k1"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PLAYTIME_STORAGE", "sqlite"),
        *[("PLAYTIME_HOME", f"/srv/play{control}time") for control in "\n\r\t\x00\x1b\x7f\x85\u2028\udcff"],
        ("PLAYTIME_HOME", "/srv/playtime\n"),
        ("PLAYTIME_SPINS_TOGETHER", "0"),
        ("PLAYTIME_GAMES", "/srv/games\r"),
        ("PLAYTIME_SEALS_FILE", "/srv/\nseals"),
        ("PLAYTIME_PORT", "-1"),
        ("PLAYTIME_PORT", "65536"),
        ("PLAYTIME_PORT", "0"),
        ("PLAYTIME_PORT", "eight"),
        ("PLAYTIME_PORT", "٨٠"),
        ("PLAYTIME_PUBLIC_URL", "play.example.com"),
        ("PLAYTIME_PUBLIC_URL", "ftp://play.example.com"),
        ("PLAYTIME_PUBLIC_URL", "https://"),
        ("PLAYTIME_PUBLIC_URL", "https://play.example.com/?a=b"),
        ("PLAYTIME_PUBLIC_URL", "https://me:hush@play.example.com"),
        ("PLAYTIME_PUBLIC_URL", "https://play example.com"),
        ("PLAYTIME_PUBLIC_URL", "https://[play"),
        ("PLAYTIME_PUBLIC_URL", f"https://play.example.com/{'a' * 300}"),
        *[
            ("PLAYTIME_ALLOWED_ORIGINS", origin)
            for origin in ("*", "null", "shop.example.com", "https://a.example/")
        ],
        ("PLAYTIME_ALLOWED_ORIGINS", "https://a.example,"),
        ("PLAYTIME_ALLOWED_ORIGINS", "https://A.example"),
        ("PLAYTIME_ALLOWED_ORIGINS", "https://me@a.example"),
        ("PLAYTIME_TRUSTED_PROXIES", "proxy.example.com"),
        ("PLAYTIME_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("PLAYTIME_TRUSTED_PROXIES", "10.0.0.1,"),
        ("PLAYTIME_TLS_CERT", "/srv/cert.pem"),
        ("PLAYTIME_TLS_KEY", "/srv/key.pem"),
        ("PLAYTIME_LOG_FORMAT", "xml"),
        ("PLAYTIME_SECURITY_CONTACT", "security@example.com"),
        ("PLAYTIME_SECURITY_CONTACT", "mailto:a@example.com\nExpires: never"),
        ("PLAYTIME_POOL_SIZE", "0"),
        ("PLAYTIME_WORKERS", "1.5"),
        ("PLAYTIME_DATABASE_SECONDS", "0"),
        ("PLAYTIME_REPORT_SECONDS", "-1"),
        ("PLAYTIME_SWEEP_SECONDS", "0"),
        ("PLAYTIME_JWT_SECRET", "short"),
        ("PLAYTIME_JWT_SECRET", "zz" * 32),
        ("PLAYTIME_PIN_SECRETS", HEX),
        ("PLAYTIME_PIN_SECRETS", f"k1={HEX},k1={HEX}"),
        ("PLAYTIME_DATABSE_URL", "postgresql://db/playtime"),
        ("PLAYTIME_OWNER_READ_URL", "postgresql://db/playtime"),
    ],
)
def test_a_bad_setting_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.from_environ({variable: value})


def test_memory_with_a_database_is_refused() -> None:
    with pytest.raises(SettingsError, match="memory"):
        Settings.from_environ({"PLAYTIME_STORAGE": "memory", "PLAYTIME_DATABASE_URL": "postgresql://db/x"})


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.from_environ({"PLAYTIME_PORT": "", "PLAYTIME_DATABASE_URL": ""}) == Settings()


def test_secrets_are_not_shown() -> None:
    shown = repr(Settings(database_url="postgresql://app:hush@db/x", jwt_secret=HEX, pin_secrets={"k1": HEX}))
    assert "hush" not in shown
    assert HEX not in shown


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"storage": "sqlite"}, "storage: must be postgres or memory"),
        ({"storage": None}, "storage: must be postgres or memory"),
        ({"pool_size": 0}, "pool_size: must be a whole number from 1 to 200"),
        ({"workers": 1.5}, "workers: must be"),
        ({"port": "http"}, "port: must be"),
        ({"home": "/srv/playtime"}, "home must be a Path"),
        ({"games": "/srv/games"}, "games must be a Path"),
        ({"public_url": "play.example.com"}, "public_url: must be an address"),
        ({"jwt_secret": "short"}, "jwt_secret: must be at least 64"),
        ({"pin_secrets": {"k1": "short"}}, "pin_secrets: must be at least 64"),
    ],
)
def test_wrong_value_in_code_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(SetupError, match=re.escape(reason)):
        Settings(**given)


def test_the_readme_lists_every_setting_and_no_other() -> None:
    listed = set(re.findall(r"PLAYTIME_[A-Z_]+", (ROOT / "README.md").read_text()))
    assert listed == {PREFIX + setting.name.upper() for setting in attrs.fields(Settings)}


KUBERNETES = {
    "PLAYTIME_SERVICE_HOST": "10.0.0.1",
    "PLAYTIME_SERVICE_PORT": "8000",
    "PLAYTIME_SERVICE_PORT_HTTP": "8000",
    "PLAYTIME_PORT": "tcp://10.0.0.1:8000",
    "PLAYTIME_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "PLAYTIME_PORT_8000_TCP_PROTO": "tcp",
    "PLAYTIME_PORT_8000_TCP_PORT": "8000",
    "PLAYTIME_PORT_8000_TCP_ADDR": "10.0.0.1",
    "PLAYTIME_DATABASE_SERVICE_HOST": "10.0.0.2",
    "PLAYTIME_DATABASE_PORT": "udp://10.0.0.2:5432",
    "PLAYTIME_DATABASE_PORT_5432_UDP_ADDR": "10.0.0.2",
}


def test_variables_of_kubernetes_are_ignored_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert Settings.from_environ(KUBERNETES | {"PLAYTIME_WORKERS": "4"}) == Settings(workers=4)
    assert caplog.messages == [
        f"ignored, since Kubernetes sets them for a service: {', '.join(sorted(KUBERNETES))}"
    ]


def test_an_environment_without_kubernetes_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert Settings.from_environ({"PLAYTIME_PORT": "9000"}).port == 9000
    assert not caplog.messages


@pytest.mark.parametrize(
    "variable", ["PLAYTIME_SERVICE_HOSTS", "PLAYTIME_PORT_8000", "PLAYTIME_PORTS", "PLAYTIME_DATABASE_PORT"]
)
def test_a_typo_beside_variables_of_kubernetes_is_refused(variable: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is not a setting"):
        Settings.from_environ({"PLAYTIME_SERVICE_HOST": "10.0.0.1", variable: "8000"})


def test_home_of_a_host_is_checked_too() -> None:
    with pytest.raises(SettingsError, match=r"home: must have no control .* '/srv/a.nb'"):
        Settings(home=Path("/srv/a\nb"))
    assert Settings(home=Path("/srv/pläy 'time'")).home == Path("/srv/pläy 'time'")
