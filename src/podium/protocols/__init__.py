"""The APIs of serving systems, Podium's own and others: one `ServingProtocol` each."""

from __future__ import annotations

from collections.abc import Collection

from podium.protocols import openapi
from podium.protocols.kserve.protocol import V1
from podium.protocols.mlflow.protocol import scoring
from podium.protocols.native import NATIVE
from podium.protocols.oip.protocol import REST
from podium.protocols.sagemaker.protocol import ENDPOINTS, in_container
from podium.settings import Settings
from podium.web.page_routes import PAGES
from podium.web.router import LISTED, Route, Router, ServingProtocol

_OPENAPI = Route("openapi", ("GET",), "/openapi.json", openapi.document, LISTED, is_for_both=True)


def router_of(*others: ServingProtocol) -> Router:
    """The routes of an app: the pages, Podium's own API, and other protocols."""
    return Router((*PAGES, _OPENAPI), (NATIVE, *others))


def protocols_of(settings: Settings, models: Collection[str] = ()) -> list[ServingProtocol]:
    """The APIs of other serving systems that the settings turn on.

    Args:
        models: the names of the models; paths that name none are those of the only one.
    """
    only = next(iter(models)) if len(models) == 1 else ""
    model = settings.invocations_model or only
    # MLflow's protocol has the routes of a container, too.
    contract = () if "mlflow" in settings.protocols else (in_container(model),)
    known: dict[str, tuple[ServingProtocol, ...]] = {
        "v2": (REST,),
        "kserve": (V1,),
        "mlflow": (scoring(model),),
        "sagemaker": (ENDPOINTS, *contract),
    }
    return [one for name in dict.fromkeys(settings.protocols) for one in known[name]]
