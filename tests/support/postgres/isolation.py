"""Sabotage of databases, and the findings of their isolation check."""

import psycopg

from playtime.adapters.postgres.isolation.check import check_isolation

from support.postgres.database import TestDatabase


def run_as(role: str | None, database: TestDatabase, statements: str) -> None:
    """Run statements as a role, None being the superuser."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        if role is not None:
            connection.execute(f"set role {role}".encode())
        connection.execute(statements.encode())


def findings_in(database: TestDatabase) -> set[tuple[str, str]]:
    """Return rule and object of everything that is found."""
    report = check_isolation(database.app_url, database.superuser_url)
    assert report.clean == (not report.findings)
    return {(finding.rule, finding.subject) for finding in report.findings}
