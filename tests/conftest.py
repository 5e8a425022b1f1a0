"""How Hypothesis looks for counterexamples.

`default` finds the same ones on every machine; `HYPOTHESIS_PROFILE=dev` looks further afield each time.
"""

from os import environ

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,  # a busy machine is not a defect
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"))
settings.register_profile("dev", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(environ.get("HYPOTHESIS_PROFILE", "default"))
