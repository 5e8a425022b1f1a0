"""The state of a request: one object for all that is found out about it on its way to the answer."""

from attrs import define

from ...application.access import PlayerPrincipal, StaffPrincipal

Principal = StaffPrincipal | PlayerPrincipal | None


@define(eq=False)
class RequestState:
    """A request under way, by its id. `arrived` is in seconds of the performance counter.

    - `rule` and `name` are those of its route; None: no route takes it.
    - `who` is the caller, as soon as the caller is known to be good.
    - `failed_with` is the code of the error that counts as a failed request.
    """

    method: str
    request_id: str
    arrived: float
    rule: str | None = None
    name: str | None = None
    who: Principal = None
    failed_with: str | None = None
