"""Hypothesis profiles, by HYPOTHESIS_PROFILE: `default`, `ci` (the same each time), `nightly`, `thorough`."""

import os

from hypothesis import HealthCheck, settings

# A deadline would make the outcome depend on how busy the machine is.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

settings.register_profile("default", **_COMMON)
settings.register_profile("ci", derandomize=True, print_blob=True, **_COMMON)
settings.register_profile("nightly", max_examples=1000, print_blob=True, **_COMMON)
settings.register_profile("thorough", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))
