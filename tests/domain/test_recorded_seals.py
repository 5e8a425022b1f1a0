"""Recorded seals: their text, and files of them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from playtime.domain.ledger.recorded_seals import RecordedSeal, read_recorded
from playtime.domain.ledger.seals import Place, Placed, next_seal

HASH = "0a" * 32
SEAL = RecordedSeal("north", 12, bytes.fromhex(HASH))


def test_text_and_seal_are_each_other() -> None:
    assert str(SEAL) == f"north=12:{HASH}"
    assert RecordedSeal.parse(str(SEAL)) == SEAL
    assert RecordedSeal.parse(f"  North=12:{HASH.upper()}\r\n") == SEAL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "north",
        "north=12",
        f"north={HASH}",
        f"north=0:{HASH}",
        f"north=-1:{HASH}",
        f"north=1:{HASH[:-1]}",
        f"north=1:{HASH}0",
        f"=1:{HASH}",
        f"north=1:{HASH} south=1:{HASH}",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be SLUG=NUMBER:HASH"):
        RecordedSeal.parse(text)


def test_file_has_one_a_line_and_comments() -> None:
    lines = ["# mine\n", "\n", f"{SEAL} # 2026-03-01\n", f"south=1:{HASH}\n"]
    assert list(read_recorded(lines)) == [SEAL, RecordedSeal("south", 1, SEAL.hash)]
    with pytest.raises(ValueError, match=r"^line 2: must be SLUG=NUMBER:HASH"):
        list(read_recorded(["\n", "north\n"]))


def test_record_of_a_seal_has_its_own_hash() -> None:
    place = Place(1, 1, UUID(int=1))
    events = [Placed(b"{}", place)]
    first = next_seal(UUID(int=9), None, events, datetime(2026, 3, 1, tzinfo=UTC))
    second = next_seal(UUID(int=9), first, events, datetime(2026, 3, 2, tzinfo=UTC))
    assert RecordedSeal.of("north", second) == RecordedSeal("north", 2, second.hash)
    assert second.hash != second.previous_hash
