"""Generated secrets: made once, whole, private."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playtime.adapters.system.secret_file import load_secrets, rotate_token_secret, token_secrets
from playtime.adapters.system.settings import Settings
from playtime.application.errors import SetupError


def test_secrets_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secrets.json"
    first = load_secrets(path, ("jwt", "pin"))
    assert load_secrets(path, ("jwt", "pin")) == first
    assert len(bytes.fromhex(first["jwt"])) == 32
    assert first["jwt"] != first["pin"]


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    load_secrets(path, ("jwt",))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o640, 0o660, 0o777])
def test_open_file_is_reported_and_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int) -> None:
    path = tmp_path / "secrets.json"
    made = load_secrets(path, ("jwt",))
    path.chmod(mode)
    assert load_secrets(path, ("jwt",)) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (line,) = caplog.messages
    assert f"{path} had mode {mode:04o}" in line
    load_secrets(path, ("jwt",))
    assert len(caplog.messages) == 1


def test_open_file_of_somebody_else_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secrets.json"
    made = load_secrets(path, ("jwt",))
    path.chmod(0o644)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    assert load_secrets(path, ("jwt",)) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "Its owner must set 0600" in caplog.text


def test_two_programs_that_start_at_once_use_the_same(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with ThreadPoolExecutor(16) as programs:
        made = list(programs.map(lambda _: load_secrets(path, ("jwt",))["jwt"], range(64)))
    assert len(set(made)) == 1


@pytest.mark.parametrize("content", ["", "[]", '{"jwt": 5}', "{", '{"pin": "00"}'])
def test_a_damaged_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(SetupError, match=r"secrets\.json"):
        load_secrets(path, ("jwt",))
    assert path.read_text() == content


@pytest.mark.parametrize("secret", ["", "ab" * 31, "ab" * 31 + "a", "ab" * 31 + "xy", "ab" * 32 + "\n"])
def test_a_short_secret_is_named(tmp_path: Path, secret: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"jwt": secret, "pin": "ab" * 32}))
    with pytest.raises(SetupError, match=r"secrets\.json: jwt must have at least 64 hexadecimal digits"):
        load_secrets(path, ("jwt", "pin"))


def test_home_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="PLAYTIME_HOME"):
        load_secrets(tmp_path / "file" / "home" / "secrets.json", ("jwt",))


def test_a_lost_file_is_not_replaced_where_there_are_data(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with pytest.raises(SetupError, match=r"secrets\.json is gone.* restore it.*PLAYTIME_PIN_SECRETS"):
        load_secrets(path, ("jwt",), needed=["k1"])
    assert not path.exists()
    made = load_secrets(path, ("jwt",))
    assert load_secrets(path, ("jwt",), needed=["k1"]) == made


def test_rotated_secret_of_tokens_overlaps_the_old_one(tmp_path: Path) -> None:
    path, names, settings = tmp_path / "secrets.json", ("jwt", "pin"), Settings(home=tmp_path)
    first = load_secrets(path, names)
    assert rotate_token_secret(settings, overlaps=True) == path
    second = load_secrets(path, names)
    assert second["pin"] == first["pin"]
    assert token_secrets(None, second) == (bytes.fromhex(second["jwt"]), bytes.fromhex(first["jwt"]))
    assert second["jwt"] != first["jwt"]
    rotate_token_secret(settings, overlaps=True)
    third = load_secrets(path, names)
    assert token_secrets(None, third)[1:] == (bytes.fromhex(second["jwt"]),)
    rotate_token_secret(settings, overlaps=False)
    last = load_secrets(path, names)
    assert token_secrets(None, last) == (bytes.fromhex(last["jwt"]),)
    assert last["jwt"] not in (third["jwt"], second["jwt"], first["jwt"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_secrets_of_the_environment_are_rotated_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="PLAYTIME_JWT_SECRET is set"):
        rotate_token_secret(Settings(home=tmp_path, jwt_secret="ab" * 32), overlaps=True)
    with pytest.raises(SetupError, match="no secret of tokens"):
        rotate_token_secret(Settings(home=tmp_path), overlaps=True)
    assert list(tmp_path.iterdir()) == []


def test_token_secrets_of_the_environment_are_used() -> None:
    settings = Settings.from_environ({"PLAYTIME_JWT_SECRET": f"{'ab' * 32}, {'cd' * 32}"})
    assert token_secrets(settings.jwt_secret, {"jwt": "ef" * 32}) == (b"\xab" * 32, b"\xcd" * 32)


@pytest.mark.parametrize("earlier", ["", "ab", "x" * 64])
def test_a_weak_earlier_secret_is_refused(earlier: str) -> None:
    with pytest.raises(SetupError, match="64 hexadecimal digits"):
        token_secrets(None, {"jwt": "ab" * 32, "jwt_earlier": earlier})
