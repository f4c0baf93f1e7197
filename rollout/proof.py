"""What the bench said of the experiments a candidate cites, read from the bench's own topic."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from foreshadow.candidate import Candidate
from foreshadow.codec import from_json
from foreshadow.experiment import Verdict, doubt_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What of an answer decides; the rest of it is large and not kept."""

    id: str
    verdict: Verdict
    revert_verified: bool | None
    fidelity: float = 0.0
    """Of the bench when it was asked; what does not say is not evidence."""


Proofs = Mapping[tuple[str, str], Proof]
"""By (experiment id, SHA-256 of its result), as candidates cite them."""


def read_proof(result: bytes) -> tuple[tuple[str, str], Proof]:
    """How a published result is cited, and what it says.

    Raises:
        msgspec.DecodeError: It is no result.
    """
    proof = from_json(result, Proof)
    # Equal values give equal bytes, so this is `evidence_sha256` of what was published.
    return (proof.id, hashlib.sha256(result).hexdigest()), proof


def evidence_objections(
    candidate: Candidate, proofs: Proofs, *, least_fidelity: float
) -> Iterator[str]:
    """What is wrong with the evidence a candidate cites.

    Args:
        candidate: Cites experiments.
        proofs: What the bench published.
        least_fidelity: What was measured on a less faithful bench is void.
    """
    if not candidate.evidence:
        yield "it names no experiment that proved it"
    published = {name for name, _ in proofs}
    for name, sha256 in candidate.evidence:
        proof = proofs.get((name, sha256))
        if proof is None and name in published:
            yield f"it cites another result of {name} ({sha256[:12]}) than the bench published"
        elif proof is None:
            yield f"the bench published no result of {name}, which it cites"
        elif proof.verdict is not Verdict.PASSED:
            yield f"{name}, which it cites, ended {proof.verdict.name}"
        elif doubt := doubt_of(proof.fidelity, least_fidelity):
            yield f"{name}, which it cites, is void: {doubt}"
        elif not proof.revert_verified:
            yield f"the way back was not verified in {name}, which it cites"
