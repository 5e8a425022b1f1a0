"""The secrets that a database was filled with: a start with others is refused.

The database stores a fingerprint for the id of each secret that PINs and server seeds ever derived from.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from ....application.errors import SetupError, StorageUnavailable
from ....domain.games.fairness import DERIVED
from ..connection.pool import AdminConnection, connection_parameters
from .roles import OWNER
from .startup import inspect

_SHOWN_DIGITS: Final = 8


class WrongSecrets(SetupError):
    """Raised when the service refuses to start with its secrets. Each of the `reasons` names an id."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("refusing to start: " + "; ".join(reasons))
        self.reasons = reasons


def needed_secrets(app_url: str, *, home: Path | None = None) -> Sequence[str]:
    """Return the ids of the secrets that a database may need; none for a database without records.

    Raises StorageUnavailable.
    """
    with inspect(app_url, home=home) as connection:
        stored, _ = _stored(connection)
        return sorted(stored or {key_id for key_id, _ in _uses(connection, None)})


def require_secrets(
    app_url: str, fingerprints: Mapping[str, bytes], *, registers: bool = True, home: Path | None = None
) -> None:
    """Check the given secrets by their fingerprints, and store those of new ids if it `registers`.

    Raises WrongSecrets if an id has another fingerprint, or open vouchers, players or seeds need an id that is not
    given. Raises StorageUnavailable.
    """
    with inspect(app_url, home=home) as connection:
        stored, retired = _stored(connection)
        # Without a stored id, the records themselves say what they need.
        missing = stored.keys() - retired - fingerprints.keys() if stored else None
        reasons = [*_other(fingerprints, stored), *_missing(connection, fingerprints, missing)]
        if registers and not reasons:
            # Another server may register the same id at this moment: the first one wins.
            registered = {key_id: _register(connection, key_id, given) for key_id, given in fingerprints.items()}
            reasons = list(_other(fingerprints, registered))
    if reasons:
        raise WrongSecrets(reasons)


def retire_secret(migrator_url: str, key_id: str) -> None:
    """Note that a secret is lost for good, so that no start needs it any more.

    Raises SetupError if the database has no such secret, StorageUnavailable.
    """
    parameters = connection_parameters(migrator_url, application="playtime-secrets", statement_timeout="15s")
    try:
        with AdminConnection.connect(**parameters) as connection:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(OWNER)))
            found = connection.execute(_RETIRE, (key_id,)).fetchone()
    except psycopg.Error as error:
        raise StorageUnavailable(f"the secret cannot be retired: {error}") from error
    if found is None:
        raise SetupError(f"the database has no secret with the id {key_id}")


def _stored(connection: psycopg.Connection[Any]) -> tuple[dict[str, bytes], set[str]]:
    """Return the stored fingerprints by id, and the ids of retired secrets."""
    statement = "select key_id, fingerprint, is_retired from playtime.secret_fingerprints"
    rows = connection.execute(statement).fetchall()
    return {key_id: stored for key_id, stored, _ in rows}, {key_id for key_id, _, retired in rows if retired}


def _register(connection: psycopg.Connection[Any], key_id: str, fingerprint: bytes) -> bytes:
    """Store the fingerprint of an id unless there is one; return the stored one."""
    row = connection.execute("select playtime.secret_register(%s, %s)", (key_id, fingerprint)).fetchone()
    assert row is not None, "a function returns a row"
    stored: bytes = row[0]
    return stored


def _other(given: Mapping[str, bytes], stored: Mapping[str, bytes]) -> Iterator[str]:
    for key_id in sorted(given.keys() & stored.keys()):
        if given[key_id] != stored[key_id]:
            was, now = (digest.hex()[:_SHOWN_DIGITS] for digest in (stored[key_id], given[key_id]))
            yield (
                f"the secret {key_id} is another one than the database was filled with (fingerprint {now} instead"
                f" of {was}): restore it, or give the new secret an id of its own and keep {key_id}"
            )


def _missing(
    connection: psycopg.Connection[Any], given: Mapping[str, bytes], missing: Collection[str] | None
) -> Iterator[str]:
    """Yield the reasons for ids that are not given: these, or all (None). Without any, no record is read."""
    if missing is not None and not missing:
        return
    needs: dict[str, list[str]] = {}
    for key_id, kind in sorted(_uses(connection, missing)):
        if key_id not in given:
            needs.setdefault(key_id, []).append(kind)
    for key_id, kinds in needs.items():
        yield (
            f"the secret {key_id} is missing, and {', '.join(kinds)} need it: add it to PLAYTIME_PIN_SECRETS, or"
            f" run `playtime secrets retire {key_id}` if it is lost for good"
        )


def _uses(connection: psycopg.Connection[Any], key_ids: Collection[str] | None) -> set[tuple[str, str]]:
    """Return the ids (of these, or of all) that records need, each with the kind of the records."""
    found: set[tuple[str, str]] = set()
    parameters = {"ids": None if key_ids is None else sorted(key_ids), "derived": DERIVED}
    operators = connection.execute("select tenant_id from playtime.directory where tenant_id = operator_id")
    for (operator_id,) in operators.fetchall():
        with connection.transaction():
            connection.execute(_BIND, {"operator_id": str(operator_id)})
            rows = connection.execute(_USES, parameters | {"operator_id": operator_id})
            found.update((key_id, kind) for key_id, kind in rows.fetchall())
    return found


_RETIRE: Final = "update playtime.secret_fingerprints set is_retired = true where key_id = %s returning key_id"

_BIND: Final = """
select set_config('app.operator_id', %(operator_id)s, true), set_config('app.tenant_id', %(operator_id)s, true)
"""

_USES: Final = """
select distinct key_id, kind from (
    select pin_key_id, 'open vouchers' from playtime.vouchers
    where operator_id = %(operator_id)s and status = 'ISSUED'
    union all
    select pin_key_id, 'players' from playtime.players where operator_id = %(operator_id)s and status = 'OPEN'
    union all
    select seed_key_id, 'seeds' from playtime.players where operator_id = %(operator_id)s and status = 'OPEN'
    union all
    select encode(substr(server_seed, octet_length(%(derived)s::bytea) + 1), 'escape'), 'seeds'
    from playtime.revealed_seeds
    where operator_id = %(operator_id)s
        and substr(server_seed, 1, octet_length(%(derived)s::bytea)) = %(derived)s::bytea
) as uses (key_id, kind)
where %(ids)s::text[] is null or key_id = any (%(ids)s::text[])
"""
"""The key ids of open vouchers and open players. A closed player's seeds are revealed, and the others derived."""
