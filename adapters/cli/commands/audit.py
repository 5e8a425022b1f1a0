"""The commands of `playtime audit`."""

import sys

import click

from ....application.access import SYSTEM, StaffPrincipal
from ....application.engine import Engine
from ....application.ledger.audit import AuditReport
from ....domain.tenancy.staff import Role
from ....domain.tenancy.tenants import TenantKind
from ..program import Program

_ROLES = {TenantKind.DEV: Role.OWNER, TenantKind.OPERATOR: Role.OPERATOR, TenantKind.AGENT: Role.AGENT}


@click.group()
def audit() -> None:
    """The audit of the books."""


@audit.command("run")
@click.option("--tenant", metavar="SLUG", help="Look through this tenant's eyes; by default through the owner's.")
@click.pass_obj
def run_audit(program: Program, *, tenant: str | None) -> None:
    """Hold every rule of the books against the rows; status 1 where one is broken."""
    with program.open_running() as running:
        report = running.engine.run_audit(principal_of(running.engine, tenant), newest_seals=None)
    for line in _lines(report):
        click.echo(line)
    sys.exit(0 if report.clean else 1)


def principal_of(engine: Engine, slug: str | None) -> StaffPrincipal:
    """Return who sees what a tenant sees; the platform's owner where none is named. Raises NotFound."""
    if slug is None:
        return SYSTEM
    found = engine.find_tenant(slug=slug)
    return SYSTEM.acting_as(_ROLES[found.kind], found.operator_id, found.tenant_id)


def _lines(report: AuditReport) -> list[str]:
    broken = {finding.code: finding for finding in report.findings}
    lines = []
    for rule in report.checks:
        finding = broken.get(rule.code)
        if finding is None:
            lines.append(f"holds   {rule.code}: {rule.holds}")
            continue
        lines += [
            f"BROKEN  {rule.code} ({rule.severity}): {rule.holds}",
            f"        {finding.count} found: {', '.join(finding.sample)}",
            *(f"        | {line}" for line in finding.query.splitlines()),
        ]
    lines.append(f"{len(report.checks)} rules: {'clean' if report.clean else f'{len(broken)} BROKEN'}")
    return lines
