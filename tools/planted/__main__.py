"""The command `python -m playtime.tools.planted`, which plants one fault after another and runs the nearest tests.

Faults are planted in a copy of the tree, never in the tree itself. A fault is found if a test fails. Tests that
cannot be collected, are skipped or end with an error in a fixture do not count. All tests run without a fault
first, and must pass.

The status is 0 if every fault was found, and 1 if one was not. It is 2 if the list has a mistake, or a test fails
without a fault.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

from .catalogue import ROOT, Fault, all_faults, mistakes
from .trees import Outcome, Result, Tree


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its status."""
    options = _options(arguments)
    known = all_faults()
    unknown = {name for name in options.ids if not any(_named(fault, [name]) for fault in known)}
    faults = [fault for fault in known if not options.ids or _named(fault, options.ids)]
    wrong = [
        *mistakes(faults),
        *(f"{name}: no fault or list has this name" for name in sorted(unknown)),
    ]
    for line in wrong:
        print(line)
    if wrong:
        return 2
    if options.list:
        for fault in faults:
            print(f"{fault.id}: {fault.why}")
        return 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="planted-")))
        folder.chmod(0o755)  # PostgreSQL's own account enters it when the tests run as root
        trees = [Tree.copied(ROOT, folder / str(number)) for number in range(options.processes)]
        return _status(faults, trees)


def _named(fault: Fault, names: Sequence[str]) -> bool:
    return fault.id in names or fault.area in names


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m playtime.tools.planted", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="a fault, or an area; all of them by default")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="run in N processes at once")
    parser.add_argument("--list", action="store_true", help="list the faults and run nothing")
    return parser.parse_args(arguments)


def _status(faults: Sequence[Fault], trees: Sequence[Tree]) -> int:
    """Try the faults, print each result and a summary, and return the status."""
    for on_postgres in sorted({fault.postgres for fault in faults}):
        tests = {test for fault in faults if fault.postgres is on_postgres for test in fault.tests}
        where = "PostgreSQL" if on_postgres else "memory"
        print(f"running the {len(tests)} nearest tests on {where} without a fault", flush=True)
        line = _failing_without_fault(trees[0].run_tests(sorted(tests), on_postgres=on_postgres))
        if line is not None:
            print(line)
            return 2
    began, results = time.monotonic(), list[Result]()
    for result in _tried(faults, trees):
        results.append(result)
        word = "found   " if result.found_by else "SURVIVED"
        print(f"{word} {result.seconds:5.1f} s  {result.fault.id}: {result.found_by or result.reason}", flush=True)
    survivors = [result.fault for result in results if not result.found_by]
    print(f"{len(results) - len(survivors)} of {len(results)} faults found in {time.monotonic() - began:.0f} s")
    for fault in survivors:
        print(f"SURVIVED {fault.id} ({fault.file}): {fault.why}")
    return 1 if survivors else 0


def _failing_without_fault(outcome: Outcome | str) -> str | None:
    """Return a line if the tests do not all pass as they are."""
    if isinstance(outcome, str):
        return f"the tests did not run: {outcome}"
    if outcome.failed or outcome.errors or not outcome.passed:
        names = ", ".join([*outcome.failed, *outcome.errors]) or "none ran"
        return f"the tests must pass before a fault is planted: {names}"
    return None


def _tried(faults: Sequence[Fault], trees: Sequence[Tree]) -> Iterator[Result]:
    """Yield the result of each fault, in their order. Each tree has at most one fault at a time."""
    free = Queue[Tree]()
    for tree in trees:
        free.put(tree)

    def attempt(fault: Fault) -> Result:
        tree = free.get()
        try:
            return tree.try_fault(fault)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as workers:
        yield from workers.map(attempt, faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
