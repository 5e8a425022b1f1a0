"""Tenants: three levels, slugs and names."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.wallet import InsufficientFunds, Wallet
from playtime.domain.periods import Span
from playtime.domain.tenancy.tenants import (
    PLATFORM_ID,
    Tenant,
    TenantCannotIssue,
    TenantKind,
    TenantNotInStatus,
    TenantStatus,
    TenantWallet,
    checked_name,
    checked_slug,
    platform,
)

from support.models import AGENT, NOW, OPERATOR

DAY = timedelta(days=1)


def _tenant(kind: TenantKind, **about: Any) -> Tenant:
    ids = {TenantKind.DEV: PLATFORM_ID, TenantKind.OPERATOR: OPERATOR, TenantKind.AGENT: AGENT}
    return Tenant(
        tenant_id=ids[kind],
        operator_id=PLATFORM_ID if kind is TenantKind.DEV else OPERATOR,
        kind=kind,
        slug="s1",
        name="S",
        created_at=NOW,
        **about,
    )


def test_there_are_three_levels() -> None:
    assert _tenant(TenantKind.AGENT).parent_id == OPERATOR
    assert _tenant(TenantKind.OPERATOR).parent_id == PLATFORM_ID
    assert _tenant(TenantKind.DEV).parent_id is None
    assert platform(NOW).kind is TenantKind.DEV
    assert platform(NOW).parent_id is None
    assert platform(NOW).operator_id == platform(NOW).tenant_id == PLATFORM_ID


def test_agents_issue_vouchers_and_nobody_else() -> None:
    _tenant(TenantKind.AGENT).require_issuer()
    for kind in (TenantKind.DEV, TenantKind.OPERATOR):
        with pytest.raises(TenantCannotIssue) as refused:
            _tenant(kind).require_issuer()
        assert refused.value.kind == kind


def test_closing_keeps_everything_else() -> None:
    tenant = _tenant(TenantKind.AGENT, region="north", code_symbols="7KQ2")
    assert tenant.close() == _tenant(
        TenantKind.AGENT, region="north", code_symbols="7KQ2", status=TenantStatus.CLOSED
    )


def test_credit_line_lowers_the_floor_of_a_tenant_wallet() -> None:
    wallet = TenantWallet(operator_id=OPERATOR, tenant_id=AGENT)
    assert wallet.credit(5).debit(5) == wallet
    with pytest.raises(InsufficientFunds):
        wallet.debit(1)
    line = TenantWallet(operator_id=OPERATOR, tenant_id=AGENT, wallet=Wallet(0, floor_minor=-100))
    assert line.debit(100).wallet.balance_minor == -100
    with pytest.raises(InsufficientFunds):
        line.debit(101)


@pytest.mark.parametrize("slug", ["ab", "a1", "1a", "north-7", "a-b-c", "x" * 40, "0" * 40])
def test_valid_slugs(slug: str) -> None:
    assert checked_slug(slug) == slug


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "a",
        "A1",
        "-ab",
        "ab-",
        "a--b",
        "a b",
        "a_b",
        "a.b",
        "x" * 41,
        "a-" * 20 + "b",
        "ab\n",
        "é1",
        "a\0b",
        "%",
        "' or 1=1",
        "١٢",
        "\ud800\ud800",
        "a" * 10**5,
    ],
)
def test_invalid_slugs(slug: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_slug(slug)
    assert refused.value.path == "slug"


@pytest.mark.parametrize(
    ("typed", "name"), [("A", "A"), ("  Ann's Café 7 ", "Ann's Café 7"), ("x" * 120, "x" * 120)]
)
def test_names_are_trimmed(typed: str, name: str) -> None:
    assert checked_name(typed) == name


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 121, "a\nb", "a\tb", "a\0b", "\ud800", "a\u200bb", "\x1b[31m", "\u202e"]
)
def test_invalid_names(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_name(name, "region")
    assert refused.value.path == "region"


@given(st.text(max_size=45))
def test_any_text_is_a_slug_or_refused_and_a_slug_is_plain(text: str) -> None:
    try:
        slug = checked_slug(text)
    except InvalidInput:
        return
    assert slug == text
    assert 2 <= len(slug) <= 40
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_tenant_is_suspended_and_resumed() -> None:
    tenant = _tenant(TenantKind.AGENT)
    suspended = tenant.suspend(NOW)
    assert (suspended.status, suspended.suspended_at) == (TenantStatus.SUSPENDED, NOW)
    first, second = Span(NOW, NOW + DAY), Span(NOW + 2 * DAY, NOW + 3 * DAY)
    assert suspended.suspensions_until(NOW + DAY) == (first,)
    resumed = suspended.resume(NOW + DAY)
    assert resumed == evolve(tenant, suspensions=(first,))
    again = resumed.suspend(second.since)
    assert again.suspensions_until(second.until) == again.resume(second.until).suspensions == (first, second)
    # The clock stepped back.
    assert suspended.resume(NOW - DAY).suspensions == (Span(NOW, NOW),)
    for call in (tenant.resume, suspended.suspend, tenant.close().suspend, tenant.close().resume):
        with pytest.raises(TenantNotInStatus):
            call(NOW)


def test_wallet_checks_a_sum_beforehand() -> None:
    wallet = TenantWallet(operator_id=OPERATOR, tenant_id=AGENT).credit(5)
    wallet.require(5)
    with pytest.raises(InsufficientFunds):
        wallet.require(6)
