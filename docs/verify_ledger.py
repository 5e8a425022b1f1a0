#!/usr/bin/env python3
"""Checks an exported ledger (docs/audit.md) with nothing but Python: run `python3 verify_ledger.py FILE`.

Prints how far each operator's events are sealed, and what is wrong; ends with status 0 if nothing is.
"""

import gzip
import hashlib
import json
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


def verify(path):
    """Yield what is wrong with a file, and print the end of each operator's chain."""
    chain, count, number, previous, name = b"", 0, 0, b"", None
    events = seals = 0
    end = None

    def told():
        if name is not None:
            print(f"{name}: {number} seals, {count} events not sealed yet, the newest seal is {previous.hex()}")

    with gzip.open(path) as lines:
        for at, raw in enumerate(lines, start=1):
            line = raw.removesuffix(b"\n")
            content = json.loads(line)
            if at == 1:
                if content.get("export", {}).get("form") != "playtime-ledger-1":
                    yield "line 1: not an exported ledger of the form playtime-ledger-1"
            elif end is not None:
                yield f"line {at}: comes after the end"
            elif "operator" in content:
                told()
                name, chain, count, number, previous = content["operator"]["slug"], bytes(32), 0, 0, bytes(32)
            elif "end" in content:
                end = content["end"]
            elif "seal" in content:
                seals += 1
                seal = content["seal"]
                sealed = bytes.fromhex(seal.pop("hash"))
                head = json.dumps(seal, sort_keys=True, separators=(",", ":")).encode()
                if seal["number"] != number + 1:
                    yield f"line {at}: {name}: a seal before seal {seal['number']} is missing"
                if seal["previousHash"] != previous.hex():
                    yield f"line {at}: {name}: seal {seal['number']} does not follow the seal before it"
                if seal["eventCount"] != count or sha256(chain + sha256(head)) != sealed:
                    yield f"line {at}: {name}: seal {seal['number']}: the events are not those that were sealed"
                chain, count, number, previous = sealed, 0, seal["number"], sealed
            else:
                events += 1
                count += 1
                digest = bytes.fromhex(content["digest"]) if "digest" in content else sha256(line)
                chain = sha256(chain + digest)
    told()
    if end != {"events": events, "seals": seals}:
        yield "the file is not whole: its last line is missing, or counts otherwise"


if __name__ == "__main__":
    try:
        faults = list(verify(sys.argv[1]))
    except Exception as error:  # whatever it is, the file is not in order
        faults = [f"the file cannot be read to its end: {error}"]
    print("\n".join(faults) or "clean")
    sys.exit(1 if faults else 0)
