"""A worker that only sells vouchers: it reads amounts in minor units and prints a code and a PIN for each.

    playtime migrate                                      # once, with PLAYTIME_MIGRATOR_URL
    python voucher_worker.py kiosk monday < amounts.txt   # again after an interruption

It reads the same PLAYTIME_ settings as `playtime serve`, and may run beside it. The second word names the job.
Each line is a command, named after job and line, so an interrupted job is run again. It prints the vouchers that
were sold before, and sells the others. A refused line stays refused: sell it under the name of another job.
Status 1 means that some were not sold; standard error has the lines and reasons.
"""

import os
import sys
from collections.abc import Iterable

from playtime import (
    SYSTEM,
    Engine,
    InvalidInput,
    ReplaySecretExpired,
    Role,
    Settings,
    StaffPrincipal,
    open_engine,
)


class NotSold(Exception):
    """Raised when the engine refused to sell. The message is its code."""


def seller_of(engine: Engine, slug: str) -> StaffPrincipal:
    """Return a cashier of the agent with this slug, who may do little more than sell."""
    agent = engine.find_tenant(slug=slug)
    return SYSTEM.acting_as(Role.CASHIER, agent.operator_id, agent.tenant_id)


def sell(engine: Engine, seller: StaffPrincipal, amount_minor: int, action_id: str) -> str:
    """Sell a voucher, once for each action id, and return its code and PIN. Raises NotSold."""
    answer = engine.issue_voucher(seller, seller.tenant_id, amount_minor=amount_minor, action_id=action_id)
    if answer.code is not None:
        raise NotSold(answer.code)
    voucher = answer.content()["voucher"]
    return f"{voucher['code']} {voucher['pin']}"


def work(engine: Engine, slug: str, job: str, lines: Iterable[str]) -> bool:
    """Sell a voucher for each line and return whether all were sold. Ends early if the storage is unavailable."""
    seller, all_sold = seller_of(engine, slug), True
    for number, line in enumerate(lines, start=1):
        try:
            print(sell(engine, seller, int(line), f"{job}/{number}"), flush=True)
        except (ValueError, InvalidInput, NotSold, ReplaySecretExpired) as error:
            print(f"line {number}: {error}", file=sys.stderr, flush=True)
            all_sold = False
    return all_sold


def main(slug: str, job: str) -> int:
    """Do the whole job and return the status."""
    with open_engine(Settings.from_environ(os.environ)) as engine:
        return 0 if work(engine, slug, job, sys.stdin) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
