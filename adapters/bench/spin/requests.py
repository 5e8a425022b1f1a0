"""The requests that are measured, as the bytes that go over the wire."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from time import time_ns
from typing import Any, Final
from uuid import UUID

from attrs import frozen

ACTION: Final = "@" * 36
"""The place of an action id. It is as long as a UUID, so that the length of a body is known."""

CODE: Final = "@code@"
PIN: Final = "@pin@"
HOST: Final = "127.0.0.1"


@frozen
class Workload:
    """Requests that are sent in turn, each with a new action id in the place of ACTION.

    After an answer with a voucher's code and PIN, the request `follow` is sent, with the two in the places of CODE
    and PIN. A voucher and its redemption count as one operation.
    """

    requests: Sequence[str]
    follow: str = ""

    def content(self) -> dict[str, Any]:
        """Return the parts for a load generator."""
        return {"requests": [request.split(ACTION) for request in self.requests], "follow": self.follow}


def request(method: str, path: str, *, token: str | None = None, body: Mapping[str, Any] | None = None) -> str:
    """Return a request. Its body must not change its length when places are filled."""
    text = "" if body is None else json.dumps(body, separators=(",", ":"))
    lines = [f"{method} /api/v1{path} HTTP/1.1", f"Host: {HOST}"]
    lines += [] if token is None else [f"Authorization: Bearer {token}"]
    lines += [] if body is None else ["Content-Type: application/json", f"Content-Length: {len(text)}"]
    return "\r\n".join([*lines, "", text])


def spin_request(token: str, game_key: str, stake_minor: int, action_id: str = ACTION) -> str:
    """Return the request for a spin."""
    body = {"stakeMinor": stake_minor, "gameKey": game_key, "actionId": action_id}
    return request("POST", "/bet/spin", token=token, body=body)


def issue_request(tenant_id: UUID, token: str) -> str:
    """Return the request for a voucher."""
    return request("POST", f"/voucher/agents/{tenant_id}/vouchers", token=token, body={"amountMinor": 1_000})


def redeem_request(code: str, pin: str) -> str:
    """Return the request that redeems vouchers, for codes and PINs as long as these."""
    text = request("POST", "/voucher/redeem", body={"code": code, "pin": pin})
    return text.replace(f'"{code}"', f'"{CODE}"').replace(f'"{pin}"', f'"{PIN}"')


def action_ids() -> Iterator[str]:
    """Yield action ids in the order of time, which no other run makes."""
    run = time_ns()
    return (f"{run:016x}-{number:019d}" for number in count())


def rotated(guests: Sequence[Any], games: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield every guest with every game, so that neighbours are different guests and different games."""
    for turn in range(len(games)):
        for at, guest in enumerate(guests):
            yield guest, games[(at + turn) % len(games)]
