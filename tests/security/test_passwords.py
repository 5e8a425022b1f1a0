"""Argon2id as the engine uses it."""

from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from playtime.adapters.security.passwords import Argon2Passwords, common_passwords


@pytest.fixture(scope="module")
def passwords() -> Argon2Passwords:
    return Argon2Passwords()


def test_the_right_password_verifies(passwords: Argon2Passwords) -> None:
    stored = passwords.hash("correct horse")
    assert passwords.verify(stored, "correct horse")
    assert not passwords.verify(stored, "correct horses")


def test_the_hash_is_argon2id_at_19_mib_and_salted(passwords: Argon2Passwords) -> None:
    first, second = passwords.hash("the same"), passwords.hash("the same")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second


def test_nobody_has_no_password(passwords: Argon2Passwords) -> None:
    assert not passwords.verify(None, "no password is this one")


def test_an_unknown_username_takes_the_work_of_a_known_one() -> None:
    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - its name
            seen.append(str(hash))
            with pytest.raises(VerifyMismatchError):
                super().verify(hash, password)
            raise VerifyMismatchError

    seen: list[str] = []
    passwords = Argon2Passwords(Watched(time_cost=3, memory_cost=64, parallelism=2))
    assert not passwords.verify(None, "a password")
    assert extract_parameters(seen[0]) == extract_parameters(passwords.hash("a password"))


@pytest.mark.parametrize("attempt", ["", "\ud800", "\x00", "x" * 100_000])
def test_no_attempt_raises(passwords: Argon2Passwords, attempt: str) -> None:
    assert not passwords.verify(passwords.hash("correct horse"), attempt)


def test_a_damaged_hash_is_never_right(passwords: Argon2Passwords) -> None:
    assert not passwords.verify("not a hash", "not a hash")


@pytest.mark.parametrize("text", ["password", "qwerty", "1q2w3e4r5t6y", "leavemealone"])
def test_common_passwords_are_known(passwords: Argon2Passwords, text: str) -> None:
    assert passwords.is_common(text)


def test_list_has_10000_passwords_in_lower_case(passwords: Argon2Passwords) -> None:
    known = common_passwords()
    assert len(known) == 10_000
    assert all(text == text.casefold() and len(text) >= 4 for text in known)
    assert not passwords.is_common("")
    assert not passwords.is_common("Password")
