"""Links by name, from either end."""

import pytest

from foreshadow.topology import reversed_name
from shadow.emulation.design import design
from tests.square_story import square


@pytest.mark.parametrize(
    ("name", "turned"), [("A-B", "B-A"), ("A-B.2", "B-A.2"), ("NW-NE.3", "NE-NW.3")]
)
def test_name_is_turned_round_with_its_number(name: str, turned: str) -> None:
    """And back again."""
    assert reversed_name(name) == turned
    assert reversed_name(turned) == name


def test_parallel_links_are_found_from_either_end() -> None:
    """Each by its own number."""
    network = square()
    second = network.links[0].model_copy(update={"number": 2})
    topology, spec = design(network.model_copy(update={"links": (*network.links, second)}))

    assert topology.link("NE-NW.2") is topology.link("NW-NE.2") is not topology.link("NE-NW")
    assert spec.link("NE-NW.2").id == "NW-NE.2"
    assert spec.link("NE-NW").id == "NW-NE"
    assert str(topology.link("NW-NE.2").directions()[0]) == "NW->NE[NW-NE.2]"
    with pytest.raises(KeyError):
        topology.link("NW-NE.3")
