"""A script on the memory storage: it plays vouchers and shows where their coins went.

    python script_on_memory.py 1000 500 250

Nothing is stored: the books are lost when it ends.
"""

import sys

from playtime import SYSTEM, Engine, Role, Settings, StaffPrincipal, TenantKind, open_engine

STAKE_MINOR = 10
MOST_SPINS = 500


def open_kiosk(engine: Engine) -> StaffPrincipal:
    """Return a seller of a new agent with 10,000.00 FUN."""
    north = engine.create_tenant(SYSTEM, slug="north", name="North", kind=TenantKind.OPERATOR)
    head = SYSTEM.acting_as(Role.OPERATOR, north.tenant_id, north.tenant_id)
    kiosk = engine.create_tenant(head, slug="kiosk", name="Kiosk", kind=TenantKind.AGENT)
    engine.give_credit(SYSTEM, north.tenant_id, amount_minor=1_000_000, memo="opening credit")
    engine.give_credit(head, kiosk.tenant_id, amount_minor=1_000_000, memo="float")
    return SYSTEM.acting_as(Role.AGENT, north.tenant_id, kiosk.tenant_id)


def play_out(engine: Engine, seller: StaffPrincipal, amount_minor: int) -> str:
    """Sell a voucher, redeem it, and spin until coins or spins are used up. Return the result as a text."""
    voucher = engine.issue_voucher(seller, seller.tenant_id, amount_minor=amount_minor).content()["voucher"]
    redeemed = engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"]).content()
    player = engine.authenticate.player(redeemed["token"])
    spins = 0
    while spins < MOST_SPINS:
        answer = engine.spin(player, stake_minor=STAKE_MINOR, game_key="demo-wheel")
        if answer.code == "BONUS_ACK_REQUIRED":
            engine.acknowledge_bonus(player)
        elif answer.code == "INSUFFICIENT_FUNDS":
            break
        else:
            spins += 1
    balance_minor = engine.read_player_state(player).balance_minor
    return f"{amount_minor} sold: {spins} spins, {balance_minor} left"


def main(amounts_minor: list[int]) -> None:
    """Play a voucher of each amount, then compare every balance with the ledger."""
    with open_engine(Settings(storage="memory")) as engine:
        seller = open_kiosk(engine)
        for amount_minor in amounts_minor:
            print(play_out(engine, seller, amount_minor))
        (books,) = engine.verify_ledger(SYSTEM, seller.operator_id)
        print(f"books: {'clean' if books.clean else 'NOT CLEAN'}, sum {books.sum_minor}")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [1_000])
