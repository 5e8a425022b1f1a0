"""A Starlette application with Playtime inside: its own routes and its own keys, on PostgreSQL.

    export SHOP_DATABASE_URL=... SHOP_OWNER_READ_URL=... SHOP_TOKEN_SECRET=... SHOP_PIN_SECRET=... SHOP_KEY=...
    granian --interface asgi --workers 2 starlette_on_postgres:app

Each worker process opens its own engine when it starts, and closes it after its last request. Use cases block,
so they run in Starlette's threads.
"""

import hmac
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playtime import (
    SYSTEM,
    Answer,
    DomainError,
    Engine,
    InvalidInput,
    NotFound,
    Role,
    Settings,
    SlugTaken,
    StaffPrincipal,
    TenantKind,
    Unauthorized,
    content_of,
    open_engine,
    status_of,
    status_of_code,
)

OPENING_MINOR = 1_000_000


def read_settings() -> Settings:
    """Return the engine's settings from the variables of this program. Playtime reads no variable by itself."""
    return Settings(
        database_url=os.environ["SHOP_DATABASE_URL"],
        owner_read_url=os.environ["SHOP_OWNER_READ_URL"],
        jwt_secret=os.environ["SHOP_TOKEN_SECRET"],
        pin_secrets={"shop-1": os.environ["SHOP_PIN_SECRET"]},
        pool_size=8,
    )


def open_shop(engine: Engine) -> StaffPrincipal:
    """Return the seller of this shop. Several workers may call it at once: all get the same one."""
    north_id = tenant_of(engine, SYSTEM, "north", TenantKind.OPERATOR)
    head = SYSTEM.acting_as(Role.OPERATOR, north_id, north_id)
    shop_id = tenant_of(engine, head, "shop", TenantKind.AGENT)
    for giver, taker_id in ((SYSTEM, north_id), (head, shop_id)):
        engine.give_credit(
            giver, taker_id, amount_minor=OPENING_MINOR, memo="opening", action_id=f"shop/opening/{taker_id}"
        )
    return SYSTEM.acting_as(Role.CASHIER, north_id, shop_id)


def tenant_of(engine: Engine, maker: StaffPrincipal, slug: str, kind: TenantKind) -> UUID:
    """Return the tenant of a slug, made if it is not there."""
    try:
        return engine.find_tenant(slug=slug).tenant_id
    except NotFound:
        pass
    try:
        return engine.create_tenant(maker, slug=slug, name=slug.title(), kind=kind).tenant_id
    except SlugTaken:  # by another worker that starts at the same time
        return engine.find_tenant(slug=slug).tenant_id


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, object]]:
    """Open the engine while this process serves."""
    with open_engine(read_settings()) as engine:
        yield {"engine": engine, "seller": open_shop(engine)}


async def sell(request: Request) -> Response:
    """Sell a voucher to a caller with the shop's key: `{"amountMinor": 1000}`, named by an Idempotency-Key."""
    given = request.headers.get("x-shop-key", "").encode()
    if not hmac.compare_digest(given, os.environ["SHOP_KEY"].encode()):
        raise Unauthorized
    seller = request.state.seller
    (amount_minor,) = await read(request, amountMinor=int)
    answer = await run_in_threadpool(
        request.state.engine.issue_voucher,
        seller,
        seller.tenant_id,
        amount_minor=amount_minor,
        action_id=request.headers.get("idempotency-key"),
    )
    return respond(answer, HTTPStatus.CREATED)


async def redeem(request: Request) -> Response:
    """Turn a voucher into a player: `{"code": "...", "pin": "..."}`."""
    code, pin = await read(request, code=str, pin=str)
    answer = await run_in_threadpool(request.state.engine.redeem_voucher, code=code, pin=pin)
    return respond(answer, HTTPStatus.CREATED)


def spin(request: Request) -> Response:
    """Play a round for a player's token. Starlette runs functions that are not `async` in threads by itself."""
    engine = request.state.engine
    player = engine.authenticate.player(request.headers.get("authorization", "").removeprefix("Bearer "))
    action_id = request.headers.get("idempotency-key")
    answer = engine.spin(player, stake_minor=100, game_key="demo-wheel", action_id=action_id)
    return respond(answer, HTTPStatus.OK)


async def read(request: Request, **kinds: type) -> list[Any]:
    """Return the fields of a JSON object in the order they are named. Raises InvalidInput."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise InvalidInput("body", "must be JSON") from error
    for name, kind in kinds.items():
        if not isinstance(body, dict) or type(body.get(name)) is not kind:
            raise InvalidInput(name, f"must be of type {kind.__name__}")
    return [body[name] for name in kinds]


def respond(answer: Answer, status: HTTPStatus) -> Response:
    """Send the bytes of an answer unchanged, so that a repeated one is the same to the byte."""
    status = status if answer.code is None else status_of_code(answer.code)
    return Response(answer.body, status, media_type="application/json")


def refuse(_request: Request, error: Exception) -> Response:
    """Answer a refusal as Playtime's own HTTP does."""
    assert isinstance(error, DomainError)
    return JSONResponse(content_of(error), status_of(type(error)))


app = Starlette(
    routes=[
        Route("/vouchers", sell, methods=["POST"]),
        Route("/players", redeem, methods=["POST"]),
        Route("/spins", spin, methods=["POST"]),
    ],
    exception_handlers={DomainError: refuse},
    lifespan=lifespan,
)
