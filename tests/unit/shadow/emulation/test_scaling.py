"""Labs that are as slow and as long as their networks, to scale."""

from pathlib import Path

from foreshadow.network_file import parse_network
from shadow.emulation.design import design
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.scaling import shaped


def test_shape_is_the_network_s_scaled_in_rate_and_not_in_delay(repository: Path) -> None:
    """A hundred times slower, and as long as it is; a link of unknown width is not slowed."""
    path = repository / "tests" / "networks" / "ring6.yaml"
    network = parse_network(path.read_text(), path=path)
    links = (network.links[0].model_copy(update={"delay_ms": 7.5}), *network.links[1:])
    topology, lab = design(network.model_copy(update={"links": links}))

    shaped_lab = shaped(topology, lab, scale=100)

    assert shaped_lab.link("A-B").shape == LinkShape(rate_bps=1e8, delay_s=0.0075)
    assert shaped_lab.link("E-A").shape == LinkShape(rate_bps=2.5e7)
    assert shaped_lab.link("B-PEERB").shape == PLAIN
    assert lab.link("A-B").shape == PLAIN
