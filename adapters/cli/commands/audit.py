"""The commands of `playtime audit`."""

import sys

import click

from ....application.access import SYSTEM, StaffPrincipal
from ....application.engine import Engine
from ....application.ledger.audit import AuditReport
from ..program import Program
from .staff import HEAD_ROLES


@click.group()
def audit() -> None:
    """Audit the books."""


@audit.command("run")
@click.option("--tenant", metavar="SLUG", help="Check the rows that this tenant sees; by default all rows.")
@click.pass_obj
def run_audit(program: Program, *, tenant: str | None) -> None:
    """Check every rule of the books against the rows; status 1 if one is broken."""
    with program.open_running() as running:
        report = running.engine.run_audit(principal_of(running.engine, tenant), newest_seals=None)
    for line in _lines(report):
        click.echo(line)
    sys.exit(0 if report.clean else 1)


def principal_of(engine: Engine, slug: str | None) -> StaffPrincipal:
    """Return the head of a tenant; without a slug, the platform's owner. Raises NotFound."""
    if slug is None:
        return SYSTEM
    found = engine.find_tenant(slug=slug)
    return SYSTEM.acting_as(HEAD_ROLES[found.kind], found.operator_id, found.tenant_id)


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
