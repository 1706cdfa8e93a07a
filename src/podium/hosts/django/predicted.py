"""Predictions in the project's own Python: views, tasks, commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from podium.access import NOBODY, Actor
from podium.deployments.traffic import Traffic
from podium.flow.formats.json_rows import JSON
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.hosts.django.host import current_host
from podium.hosts.django.models.prediction import owner_of
from podium.hosts.predicted import Predicted, by_row
from podium.records.business_key import business_key_of
from podium.table import Table


@overload
def predict(
    model: str, rows: Mapping[str, Any], *, user: Any = None, key: str | int | None = None
) -> Predicted: ...
@overload
def predict(
    model: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    user: Any = None,
    key: str | int | None = None,
) -> list[Predicted]: ...
def predict(model: str, rows: Any, *, user: Any = None, key: str | int | None = None) -> Any:
    """Predict with one of the project's models; predictions are recorded as usual.

    Args:
        rows: one mapping of field names and values; or many: a list, a `QuerySet.values()`, a
            pandas or polars frame. Decimals, dates and lazy strings are fine.
        user: whom the record names. Their permissions don't count here: your code decides.
        key: the business key of these rows, by which feedback can be given.

    Returns:
        A Predicted for one mapping, else a list with one for each row.

    Raises:
        SetupError: there is no model with this name.
        InvalidRows: some cells are invalid; its `cells` lists them.
        ModelError: the model failed.
        StoreError: the prediction couldn't be recorded, so it isn't returned.
    """
    traffic = current_host().traffic(model)
    if isinstance(rows, Mapping):
        return _some(traffic, json_of(rows), user, "python", key)[0]
    found: list[Predicted] = []
    champion = traffic.champion
    for chunk in _chunks(_plain_rows(rows, champion), champion.limits.rows_max):
        found += _some(traffic, json_of(chunk), user, "python", key)
    return found


def predict_form(model: str, row: Mapping[str, Any], *, user: Any = None) -> Predicted:
    """The same for one row that somebody entered in a form.

    Raises:
        PodiumError: as `predict`.
    """
    return _some(current_host().traffic(model), json_of(row), user, "form")[0]


def output_of(predicted: Predicted, wanted: str) -> Any:
    """One part of a prediction: `prediction`, `probabilities.yes`, `distances.0`.

    Of several outputs a probability is `probabilities.churn.yes`.

    Raises:
        ImproperlyConfigured: it has no such part.
    """
    name, _, label = wanted.partition(".")
    try:
        value = getattr(predicted, name)
        if label and label not in value and "." in label:  # of several outputs
            output, _, label = label.partition(".")
            value = value[output]
        return value[label] if label else value
    except (AttributeError, KeyError, TypeError):
        raise ImproperlyConfigured(
            f"{predicted.model} returns no {wanted!r}: use prediction, label, "
            "probabilities.LABEL, score, distances.LABEL, id, model or version"
        ) from None


def json_of(value: object) -> bytes:
    """Rows as JSON, as a program would send them.

    Raises:
        TypeError: a value has no JSON form.
    """
    return _encoder.encode(value)


def _plain_value(value: object) -> object:
    if isinstance(value, Promise):  # a lazily translated text
        return str(value)
    if hasattr(value, "item"):  # a NumPy scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} isn't a value that a model accepts")


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain_value)


def _plain_rows(rows: Any, version: LoadedVersion) -> Iterator[Mapping[str, Any]]:
    if hasattr(rows, "columns") or hasattr(rows, "dtype"):  # a frame or an array
        return Table.of(rows, names=version.signature.names).rows()
    return iter(rows)


def _chunks(rows: Iterator[Mapping[str, Any]], most: int) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == most:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _some(
    traffic: Traffic, body: bytes, user: Any, source: str, key: object = None
) -> list[Predicted]:
    actor = NOBODY
    if user is not None and user.is_authenticated:
        actor = Actor(user.get_username(), id=owner_of(user))
    business_key = business_key_of(key) or ""
    context = RequestContext(source=source, actor=actor, business_key=business_key)
    service = current_host().app.service
    return by_row(service.predict(traffic, PredictRequest(body, JSON, context)))
