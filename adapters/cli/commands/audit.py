"""The commands of `playtime audit`."""

import sys

import click

from ....application.access import SYSTEM, StaffPrincipal
from ....application.engine import Engine
from ....application.ledger.audit import AuditReport, Severity
from ....application.ports.filters import Page
from ....domain.plurals import counted
from ..findings import naming, require_operators
from ..program import Program
from .staff import HEAD_ROLES


@click.group()
def audit() -> None:
    """Audit the books."""


@audit.command("run")
@click.option("--tenant", metavar="SLUG", help="Check the rows that this tenant sees; by default all rows.")
@click.pass_obj
def run_audit(program: Program, *, tenant: str | None) -> None:
    """Check every rule of the books against the rows; status 1 if one is broken, 0 for warnings only."""
    with program.open_existing() as running:
        if tenant is None:
            require_operators(running.engine.list_tenants(SYSTEM, Page(limit=1)))
        principal = principal_of(running.engine, tenant)
        report = running.engine.run_audit(principal, newest_seals=None)
    for line in audit_lines(report, principal):
        click.echo(line)
    sys.exit(0 if report.clean else 1)


def principal_of(engine: Engine, slug: str | None) -> StaffPrincipal:
    """Return the head of a tenant; without a slug, the platform's owner. Raises SetupError."""
    if slug is None:
        return SYSTEM
    with naming(slug):
        found = engine.find_tenant(slug=slug)
    return SYSTEM.acting_as(HEAD_ROLES[found.kind], found.operator_id, found.tenant_id)


def audit_lines(report: AuditReport, principal: StaffPrincipal) -> list[str]:
    """Return a principal's report as text."""
    findings = {finding.code: finding for finding in report.findings}
    lines = []
    for rule in report.checks:
        finding = findings.get(rule.code)
        if finding is None:
            lines.append(f"holds   {rule.code}: {rule.holds}")
            continue
        label = "BROKEN " if rule.severity is Severity.CRITICAL else "WARNING"
        lines += [
            f"{label} {rule.code}: {rule.holds}",
            f"        {finding.count} found: {', '.join(finding.sample)}",
            *(f"        | {line}" for line in finding.query.splitlines()),
        ]
    if findings:
        lines.append(f"Repeat a query with the login of {_login_of(principal)}")
    verdict = "clean" if report.clean else f"{len(report.errors)} BROKEN"
    lines.append(f"{counted(len(report.checks), 'rule')}: {verdict}{counted_warnings(report)}")
    return lines


def _login_of(principal: StaffPrincipal) -> str:
    """Return the login that sees the rows of a principal, with the statement that binds it."""
    if principal == SYSTEM:
        return "`playtime db url --owner-read`."
    ids = {"app.operator_id": principal.operator_id, "app.tenant_id": principal.tenant_id}
    bound = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in ids.items())
    return f"`playtime db url`, after: select {bound};"


def counted_warnings(report: AuditReport) -> str:
    """Return the number of warnings as the end of a line; nothing without warnings."""
    count = len(report.warnings)
    return f", {counted(count, 'warning')}" if count else ""
