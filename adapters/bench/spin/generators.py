"""The load generators: wrk where it is installed, and our own."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from string import Template
from time import time_ns
from typing import Any, Final, Protocol

from attrs import frozen

from ....application.errors import SetupError
from .figures import Latency
from .requests import HOST, Workload

_SOCKETS: Final = __name__.replace("generators", "sockets")
GENERATORS: Final = 2
"""The processes of our own generator, which one alone would limit."""


@frozen(kw_only=True)
class Load:
    """The results of a load: its answers, without those that were refused or failed, and processor time."""

    operations: int
    seconds: float
    latency: Latency
    errors: int
    refused: int
    generator_seconds: float
    generators: int


class Generator(Protocol):
    """A load generator."""

    @property
    def name(self) -> str:
        """The name and version."""

    def run(self, workload: Workload, *, port: int, clients: int, seconds: int) -> Load:
        """Send a workload to a port of this machine from this number of clients at once. Raises SetupError."""


def find_generator() -> Generator:
    """Return wrk if it is installed, or else our own generator."""
    wrk = shutil.which("wrk")
    return SocketGenerator() if wrk is None else WrkGenerator(wrk)


@frozen
class _Running:
    """A generator at work. Its result is the line of its output that is a JSON object."""

    process: subprocess.Popen[str]

    @classmethod
    def begin(cls, command: Sequence[str], given: str = "") -> "_Running":
        """Start a program on some input."""
        process = subprocess.Popen(  # noqa: S603 - programs of this machine, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdin is not None
        with process.stdin as stream:
            stream.write(given)
        return cls(process)

    def end(self) -> tuple[dict[str, Any], float]:
        """Wait for the end, and return the result and the processor time in seconds. Raises SetupError."""
        assert self.process.stdout is not None
        with self.process.stdout as output:
            lines = output.read().splitlines()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        found = [line for line in lines if line.startswith("{")]
        if self.process.returncode or not found:
            raise SetupError(f"the load generator failed: {' '.join(lines[-3:])}")
        return json.loads(found[-1]), usage.ru_utime + usage.ru_stime


@frozen
class SocketGenerator:
    """Our own generator in a few processes."""

    name: str = "playtime's own, for want of wrk"

    def run(self, workload: Workload, *, port: int, clients: int, seconds: int) -> Load:
        """Send a workload from two processes, or from one if there is one client."""
        processes = min(GENERATORS, clients)
        order = workload.content() | {"port": port, "seconds": seconds, "generators": processes}
        started = []
        for number in range(processes):
            share = {"number": number, "clients": clients // processes + (number < clients % processes)}
            started.append(_Running.begin([sys.executable, "-m", _SOCKETS], json.dumps(order | share)))
        results, seconds_used = zip(*(running.end() for running in started), strict=True)
        return load_of(results, sum(seconds_used), workload)


def load_of(results: Sequence[Mapping[str, Any]], generator_seconds: float, workload: Workload) -> Load:
    """Return the load of several processes of our own generator together."""
    statuses = sum((Counter(result["statuses"]) for result in results), Counter[str]())
    good = sum(number for status, number in statuses.items() if "200" <= status < "300")
    refused = statuses[str(int(HTTPStatus.TOO_MANY_REQUESTS))]
    return Load(
        operations=good // 2 if workload.follow else good,
        seconds=sum(result["seconds"] for result in results) / len(results),
        latency=Latency.of(value for result in results for value in result["millis"]),
        errors=sum(statuses.values()) - good - refused,
        refused=refused,
        generator_seconds=generator_seconds,
        generators=len(results),
    )


_SCRIPT: Final = """
local requests = {
$requests
}
local follow = $follow
local run, count, at, queue, pauses = "$run-", 0, 0, {}, 0
good, refused, failed = 0, 0, 0
local thread_of_run

function setup(thread) thread_of_run = thread end

function request()
    local voucher = table.remove(queue)
    if voucher then return voucher end
    at = at % #requests + 1
    count = count + 1
    return table.concat(requests[at], run .. string.format("%019d", count))
end

function delay()
    if pauses == 0 then return 0 end
    pauses = pauses - 1
    return 1000
end

function response(status, headers, body)
    if status >= 200 and status < 300 then good = good + 1
    elseif status == 429 then refused, pauses = refused + 1, pauses + 1
    else failed = failed + 1 end
    if follow ~= "" then
        local code, pin = body:match('"code":"([^"]+)","pin":"([^"]+)"')
        if code then queue[#queue + 1] = (follow:gsub("@code@", code):gsub("@pin@", pin)) end
    end
end

function done(summary, latency, calls)
    local e, t = summary.errors, thread_of_run
    io.write(string.format(
        '\\n{"good":%d,"refused":%d,"failed":%d,"lost":%d,"seconds":%f,"p50":%f,"p90":%f,"p99":%f,"p999":%f}\\n',
        t:get("good"), t:get("refused"), t:get("failed"), e.connect + e.read + e.write + e.timeout,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
        latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3
    ))
end
"""
"""One thread of wrk, whose Lua state counts the answers. After a refusal, one client waits a second."""


@frozen
class WrkGenerator:
    """wrk, with one thread and a script in Lua."""

    program: str

    @property
    def name(self) -> str:
        """Wrk and its version, which it shows with its usage."""
        shown = subprocess.run([self.program, "-v"], capture_output=True, check=False, text=True)  # noqa: S603 - ours
        return " ".join(re.findall(r"^wrk (?:debian/)?\S+", shown.stdout)[:1]) or "wrk"

    def run(self, workload: Workload, *, port: int, clients: int, seconds: int) -> Load:
        """Send a workload from one thread."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(script_of(workload, time_ns()))
            script.flush()
            options = ["--threads=1", f"--connections={clients}", f"--duration={seconds}s", "--timeout=10s"]
            running = _Running.begin([self.program, *options, f"--script={script.name}", f"http://{HOST}:{port}/"])
            result, used = running.end()
        return load_of_wrk(result, used, workload)


def script_of(workload: Workload, run: int) -> str:
    """Return the script of a workload. A JSON text of printable ASCII is also one of Lua."""
    content = workload.content()
    requests = (f"    {{{', '.join(map(json.dumps, parts))}}}," for parts in content["requests"])
    return Template(_SCRIPT).substitute(
        requests="\n".join(requests), follow=json.dumps(content["follow"]), run=f"{run:016x}"
    )


def load_of_wrk(result: Mapping[str, Any], generator_seconds: float, workload: Workload) -> Load:
    """Return the load of a result of the script."""
    return Load(
        operations=result["good"] // 2 if workload.follow else result["good"],
        seconds=result["seconds"],
        latency=Latency(**{name: result[name] for name in ("p50", "p90", "p99", "p999")}),
        errors=result["failed"] + result["lost"],
        refused=result["refused"],
        generator_seconds=generator_seconds,
        generators=1,
    )
