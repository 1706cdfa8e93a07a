"""Whether the distances to all clusters come with a prediction."""

from __future__ import annotations

from msgspec.structs import replace

from podium.errors import SetupError
from podium.signature import Signature

# Distances to more clusters than this make every response and record long: they come on request.
CLUSTERS_MAX = 100


def with_distances(signature: Signature, wanted: bool | None) -> Signature:
    """The signature of a model, with the distances to its clusters if they are wanted.

    Args:
        signature: as the model was found to be: with distances if it has any.
        wanted: None: if there are at most `CLUSTERS_MAX`.

    Raises:
        SetupError: they are wanted, and it has none.
    """
    output = signature.output
    if wanted and not output.has_distances:
        raise SetupError(
            "the model has no distances to clusters",
            hint="distances applies to a single model of clusters that have centres, such as KMeans: "
            "leave it out",
        )
    if (
        not output.has_distances
        or wanted
        or (wanted is None and len(output.classes) <= CLUSTERS_MAX)
    ):
        return signature
    return replace(signature, outputs=(replace(output, has_distances=False),))
