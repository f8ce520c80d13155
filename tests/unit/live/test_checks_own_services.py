"""Programs of the user's own: `verify` holds their openings against the live ruleset, as any other."""

from hybridlab.live.checks.check import Key, Ok
from hybridlab.live.checks.firewall import checks
from live.judging import failed, states_of, verdicts
from patched import cluster

SERVICES = "guests: {k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [management]}}}}"
OPENING = Key("firewall.opening", "k8s-worker-1", "53/udp on vlan20")
CLOSED = Key("firewall.closed", "k8s-worker-1", "")


def test_an_opening_that_is_there_is_fine_and_nothing_is_strange() -> None:
    of = cluster(SERVICES)
    judged = verdicts(checks(of), states_of(of))
    assert isinstance(judged[OPENING], Ok)
    assert isinstance(judged[CLOSED], Ok)


def test_an_opening_that_lacks_and_one_that_nobody_asks_for_any_more_are_told() -> None:
    plain, of = cluster(""), cluster(SERVICES)
    assert failed(verdicts(checks(of), states_of(plain))).keys() == {OPENING}
    assert failed(verdicts(checks(plain), states_of(of))).keys() == {CLOSED}
