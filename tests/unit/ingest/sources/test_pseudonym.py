"""Passwords do not leave the agent."""

from ingest.sources.pseudonym import without_secrets

CONFIG = """\
hostname R1
password 8 qwertyuiop
enable password 8 asdfgh
interface to-R2
 description password
 ip ospf authentication-key zxcvb
 ip ospf message-digest-key 1 md5 hunter2
exit
router bgp 65001
 neighbor 10.0.0.1 remote-as 65010
 neighbor 10.0.0.1 password hunter2
exit
"""


def test_no_secret_is_left() -> None:
    """Every form in which FRR prints one is covered; everything else stays as it is."""
    said = without_secrets(CONFIG)

    for secret in ("qwertyuiop", "asdfgh", "zxcvb", "hunter2"):
        assert secret not in said
    assert [line.split()[:-1] for line in said.splitlines()] == [
        line.split()[:-1] for line in CONFIG.splitlines()
    ]
    assert " description password\n" in said


def test_secret_with_spaces_goes_whole() -> None:
    """FRR takes the rest of the line for a BGP password."""
    said = without_secrets("router bgp 1\n neighbor 10.0.0.1 password cat fish\nexit\n")

    assert "cat" not in said
    assert "fish" not in said
    assert said.endswith("\nexit\n")


def test_equal_secrets_stay_equal() -> None:
    """Two ends that share a password still do; 8 characters fit everywhere."""
    words = without_secrets(CONFIG).split()
    bgp, ospf = words[words.index("md5") + 1], words[-2]

    assert bgp == ospf
    assert len(bgp) == 8
    assert without_secrets(CONFIG) == without_secrets(CONFIG)
