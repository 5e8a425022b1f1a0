#!/usr/bin/env python3
"""Checks an exported ledger (docs/audit.md) with nothing but Python.

Run `python3 verify_ledger.py FILE [--seal SLUG=N:HASH]... [--seals FILE]`. Prints the newest seal of each
operator, the number of digests, and every fault. A given seal that is not in the chain is a fault. An agent's
export has digests in place of the events of others. Ends with status 0 if there is no fault.
"""

import gzip
import hashlib
import json
import re
import sys

FORM = "playtime-ledger-1"
KEYS = {
    "event": "actionId actorId agentId amountMinor cashierId eventId eventType fromBalanceMinor fromKind"
    " fromOwnerId gameKey meta occurredAt operatorId playerId playerSeq provider region roundId sessionId source"
    " tenantId toBalanceMinor toKind toOwnerId",
    "export": "exportedAt form tenant",
    "operator": "operatorId slug",
    "seal": "eventCount firstEventId hash lastEventId number operatorId previousHash sealedAt",
    "end": "events seals",
}


def sha256(data):
    return hashlib.sha256(data).digest()


def kind_of(content):
    """Return the kind of a line: it has all keys of that kind and no other."""
    kind = next(iter(content)) if len(content) == 1 else "event"
    inside = content if kind == "event" else content[kind]
    if kind != "digest" and inside.keys() != set(KEYS[kind].split()):
        raise ValueError(f"other keys than those of {kind}")
    return kind


class Books:
    """One operator's events and seals, as far as they have come."""

    def __init__(self, operator):
        self.operator_id, self.name = operator["operatorId"], operator["slug"]
        self.chain, self.count, self.number, self.last = bytes(32), 0, 0, bytes(32)

    def add(self, digest):
        self.chain, self.count = sha256(self.chain + digest), self.count + 1

    def close(self, seal):
        """Yield the faults of the next seal."""
        number, sealed = seal["number"], bytes.fromhex(seal.pop("hash"))
        head = json.dumps(seal, sort_keys=True, separators=(",", ":")).encode()
        if number != self.number + 1 or seal["operatorId"] != self.operator_id:
            yield f"{self.name}: a seal before seal {number} is missing, or it is of another operator"
        if seal["previousHash"] != self.last.hex():
            yield f"{self.name}: seal {number} does not follow the seal before it"
        if seal["eventCount"] != self.count or sha256(self.chain + sha256(head)) != sealed:
            yield f"{self.name}: seal {number}: the events are not those that were sealed"
        self.chain, self.count, self.number, self.last = sealed, 0, number, sealed


def verify(path, missing):
    """Yield the faults of a file. Prints the end of each operator's chain; removes its seals from `missing`."""
    books, tenant, end = [], None, None
    seen = dict.fromkeys(["export", "operator", "event", "digest", "seal", "end"], 0)
    with gzip.open(path) as lines:
        for at, raw in enumerate(lines, start=1):
            line = raw.removesuffix(b"\n")
            content = json.loads(line)
            kind = kind_of(content)
            seen[kind] += 1
            if (kind == "export") != (at == 1) or end is not None:
                yield f"line {at}: is not in its place"
            elif kind == "export":
                tenant = content["export"]["tenant"]
                if content["export"]["form"] != FORM:
                    yield f"line 1: not an exported ledger of the form {FORM}"
            elif kind == "operator":
                new = Books(content["operator"])
                if any(new.operator_id == one.operator_id or new.name == one.name for one in books):
                    yield f"line {at}: begins an operator that the file has already"
                books.append(new)
            elif kind == "end":
                end = content["end"]
            elif kind == "seal":
                yield from (f"line {at}: {fault}" for fault in books[-1].close(content["seal"]))
                missing.discard(f"{books[-1].name}={books[-1].number}:{books[-1].last.hex()}")
            elif kind == "digest":
                digest = bytes.fromhex(content["digest"])
                if len(digest) != hashlib.sha256().digest_size or tenant in {None, books[-1].name}:
                    yield f"line {at}: is not a digest, or is in an export that may not have one"
                books[-1].add(digest)
            else:
                if content["operatorId"] != books[-1].operator_id:
                    yield f"line {at}: is an event of another operator"
                books[-1].add(sha256(line))
    for one in books:
        print(f"{one.name}: seals: {one.number}, newest: {one.last.hex()}, events not sealed yet: {one.count}")
    if seen["digest"]:
        print(f"digests in place of events that are not in the file: {seen['digest']}")
    if not books or end != {"events": seen["event"] + seen["digest"], "seals": seen["seal"]}:
        yield "the file is not whole: it has no operator, or its last line is missing or counts otherwise"
    yield from (f"your seal {seal} is not in the chain" for seal in sorted(missing))


def given_seals(options):
    """Return the seals of `--seal SEAL` and of `--seals FILE`, which has one a line; `#` begins a comment."""
    seals = set()
    for option, value in zip(options[::2], [*options[1::2], ""], strict=False):
        if option not in {"--seal", "--seals"}:
            sys.exit(f"{option} is not an option")
        lines = [value] if option == "--seal" else open(value, encoding="utf-8")
        seals.update(line.partition("#")[0].strip().lower() for line in lines)
    wrong = [seal for seal in seals - {""} if not re.fullmatch("[a-z0-9-]+=[1-9][0-9]*:[0-9a-f]{64}", seal)]
    if wrong or (options and seals <= {""}):
        sys.exit(f"{wrong[0] if wrong else 'a seal'} must be SLUG=N:HASH, with 64 hexadecimal digits")
    return seals - {""}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit("usage: verify_ledger.py FILE [--seal SLUG=N:HASH]... [--seals FILE]")
    try:
        seals = given_seals(sys.argv[2:])
        faults = list(verify(sys.argv[1], set(seals)))
        print(f"compared with your seals: {len(seals)}" if seals else "compared with no seal of yours")
    except Exception as error:  # any error means that the file is not in order
        faults = [f"the file cannot be read to its end: {error}"]
    print("\n".join(faults) or "clean")
    sys.exit(1 if faults else 0)
