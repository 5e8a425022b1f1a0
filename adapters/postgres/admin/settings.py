"""The settings that a server should have, beside those of the running one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from ....application.errors import SetupError
from ..embedded.machine import MEGABYTE, Machine
from ..embedded.tuning import Setting
from .startup import inspect


@frozen
class SettingsReport:
    """The settings that fit a machine, and the values of the running server, or the reason why there are none."""

    machine: Machine
    settings: Sequence[Setting]
    running: Mapping[str, str]
    silence: str | None = None

    @property
    def differing(self) -> Sequence[Setting]:
        """The settings that the running server has otherwise."""
        known = [setting for setting in self.settings if setting.name in self.running]
        return [setting for setting in known if self.running[setting.name] != setting.value]

    def lines(self) -> Sequence[str]:
        """Return the lines of a `postgresql.conf`, with the reasons and the server's other values as comments."""
        return [
            f"# For {self.machine.cores} cores and {self.machine.memory_bytes // MEGABYTE} MB of memory.",
            *(line for setting in self.settings for line in self._lines_of(setting)),
            f"# {self._summary()}",
        ]

    def _lines_of(self, setting: Setting) -> Sequence[str]:
        line = f"{setting.name} = {setting.value}"
        if setting in self.differing:
            line = f"{line}  # the server has {self.running[setting.name]}"
        return f"# {setting.reason}", line

    def _summary(self) -> str:
        if self.silence is not None:
            return f"The server's own settings are not known: {self.silence}"
        number = len(self.differing)
        if number:
            return f"{number} of {len(self.settings)} differ on the server."
        return "The server has all of them."


def compare_settings(
    machine: Machine, settings: Sequence[Setting], app_url: str, *, home: Path | None = None
) -> SettingsReport:
    """Compare settings with those of the server, as the app's login has them."""
    try:
        return SettingsReport(machine, settings, _running(app_url, settings, home=home))
    except SetupError as error:
        return SettingsReport(machine, settings, {}, silence=" ".join(str(error).split()))


def _running(app_url: str, settings: Sequence[Setting], *, home: Path | None) -> Mapping[str, str]:
    names = [setting.name for setting in settings]
    with inspect(app_url, home=home) as connection:
        rows = connection.execute(
            "select name, current_setting(name) as value from unnest(%s::text[]) as name", (names,)
        )
        return dict(rows.fetchall())
