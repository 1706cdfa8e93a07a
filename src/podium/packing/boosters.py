"""Boosters as models that take tables: which rounds are used, and what their sums mean."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from podium.errors import SetupError

# How many of a booster's rounds are used; by default those that the object itself uses.
Rounds: TypeAlias = int | str | None

# Objectives that rank rows, whose outputs don't approximate the target.
_ORDERS = ("rank:", "survival:cox", "lambdarank", "rank_xendcg", "xendcg")
_CATBOOST_ORDERS = (
    "YetiRank",
    "PairLogit",
    "QuerySoftMax",
    "QueryCrossEntropy",
    "Cox",
    "StochasticRank",
)

_RAW_SCORES = (
    "It was trained on raw scores (binary:logitraw): probabilities are the sigmoid of the score, and "
    "the classes part at a score of 0."
)
_OWN_OBJECTIVE = (
    "It was trained with an objective of its own, which isn't in its file: its predictions are raw "
    "scores."
)


@dataclass(frozen=True)
class Booster:
    """A model, possibly changed.

    Attributes:
        model: takes tables.
        notes: the choices that were made, in sentences.
        is_changed: whether it intentionally predicts differently from the given model.
    """

    model: Any
    notes: tuple[str, ...] = ()
    is_changed: bool = False


def taking_tables(model: Any, rounds: Rounds = None) -> Booster:
    """A native booster of XGBoost, or of LightGBM's classes, as its class that takes tables.

    Any other model is unchanged.

    Args:
        rounds: how many rounds of a booster are used: `all`, up to the `best`, or a number.

    Raises:
        SetupError: `rounds` is invalid, or the model doesn't have them.
    """
    if rounds is not None and rounds not in ("all", "best") and not _is_count(rounds):
        raise SetupError(
            f"rounds can't be {rounds!r}", hint="use 'all', 'best' or a number of rounds"
        )
    of = {"xgboost": _of_xgboost, "lightgbm": _of_lightgbm, "catboost": _of_catboost}
    choose = of.get(_library(model))
    if choose is not None and _is_fitted(model):
        return choose(model, rounds)
    if rounds is not None:
        raise SetupError(
            f"{type(model).__name__} has no rounds to choose from",
            hint="rounds applies to boosters of XGBoost, LightGBM and CatBoost only: leave it out",
        )
    return Booster(model)


def only_orders(model: Any) -> bool:
    """Whether the model ranks rows, so that no error can be measured."""
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps:
        return only_orders(steps[-1][1])
    if type(model).__name__.endswith("Ranker"):
        return True
    library = _library(model)
    if library == "xgboost":
        booster = model.get_booster() if hasattr(model, "get_booster") else model
        return _objective(booster).startswith(_ORDERS)
    if library == "lightgbm":
        booster = getattr(model, "booster_", model)
        return _lightgbm_objective(booster).startswith(_ORDERS)
    if library == "catboost":
        return catboost_loss(model).startswith(_CATBOOST_ORDERS)
    return False


def catboost_loss(model: Any) -> str:
    """The loss of a model of CatBoost; empty for a sum of models, which has no parameters."""
    import catboost

    try:
        return str(model.get_all_params().get("loss_function", ""))
    except catboost.CatBoostError:
        return ""


def _library(model: Any) -> str:
    return type(model).__module__.partition(".")[0]


def _is_fitted(model: Any) -> bool:
    for attribute in ("__sklearn_is_fitted__", "is_fitted"):
        if hasattr(model, attribute):
            return bool(getattr(model, attribute)())
    return True


def _is_count(rounds: object) -> bool:
    return isinstance(rounds, int) and not isinstance(rounds, bool) and rounds > 0


def _objective(booster: Any) -> str:
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])


def _of_xgboost(model: Any, rounds: Rounds) -> Booster:
    """The model with the rounds to predict with.

    A native booster predicts with all of its rounds, its class for tables with the best of them,
    and the file shows which of the two wrote it.
    """
    is_native = type(model).__name__ == "Booster"
    booster = model if is_native else model.get_booster()
    raw_scores = _objective(booster) == "binary:logitraw"
    best, n_all = _best_round(booster), int(booster.num_boosted_rounds())
    uses_all = is_native and booster.attr("scikit_learn") is None
    if not is_native and not raw_scores and rounds is None:
        return Booster(model, _note(n_all, best, n_all if best is None else best))
    default = n_all if uses_all or best is None else best
    n_rounds = _n_rounds(rounds, n_all, best, default)
    booster = booster.copy()
    booster.set_attr(scikit_learn=None)
    if n_rounds == n_all:
        booster.set_attr(best_iteration=None, best_score=None)
    elif n_rounds != best:
        booster.set_attr(best_iteration=str(n_rounds - 1))
    notes = _note(n_all, best, n_rounds)
    if raw_scores:
        booster = _logistic(booster)
        notes = (*notes, _RAW_SCORES)
    taking = _class_for(booster, model, is_native)
    taking.load_model(bytearray(booster.save_raw("ubj")))
    is_changed = raw_scores or n_rounds != (n_all if is_native or best is None else best)
    return Booster(taking, notes, is_changed)


def _class_for(booster: Any, model: Any, is_native: bool) -> Any:
    import xgboost

    if not is_native:
        return type(model)(**model.get_params() | {"objective": _objective(booster)})
    is_classifier = _objective(booster).startswith(("binary:", "multi:"))
    return xgboost.XGBClassifier() if is_classifier else xgboost.XGBRegressor()


def _best_round(booster: Any) -> int | None:
    """The best number of rounds, if training determined it."""
    best = booster.attr("best_iteration")
    return None if best is None else int(best) + 1


def _logistic(booster: Any) -> Any:
    """A booster of raw scores as one that predicts their probabilities."""
    import numpy as np
    import xgboost

    written = json.loads(bytes(booster.save_raw("json")))
    learner = written["learner"]
    learner["objective"] = {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}}
    # The initial sum is stored as a prediction: there a score, here a probability.
    score = np.atleast_1d(json.loads(learner["learner_model_param"]["base_score"])).astype(float)
    share = 1 / (1 + np.exp(-score))
    learner["learner_model_param"]["base_score"] = "[" + ",".join(f"{s:.9E}" for s in share) + "]"
    converted = xgboost.Booster()
    converted.load_model(bytearray(json.dumps(written).encode()))
    return converted


def _of_lightgbm(model: Any, rounds: Rounds) -> Booster:
    booster = model if type(model).__name__ == "Booster" else model.booster_
    n_all = int(booster.current_iteration())
    best = booster.best_iteration if booster.best_iteration and booster.best_iteration > 0 else None
    default = n_all if best is None else best
    n_rounds = _n_rounds(rounds, n_all, best, default)
    notes = _note(n_all, best, n_rounds)
    if not _lightgbm_objective(booster):
        notes = (*notes, _OWN_OBJECTIVE)
    if n_rounds == default:
        return Booster(_lightgbm_class(model), notes)
    truncated = type(booster)(model_str=booster.model_to_string(num_iteration=n_rounds))
    truncated.pandas_categorical = booster.pandas_categorical
    if booster is not model:
        changed = copy.copy(model)
        changed._Booster, changed._best_iteration = truncated, 0  # noqa: SLF001 - as in predict()
        truncated = changed
    return Booster(_lightgbm_class(truncated), notes, is_changed=True)


def _lightgbm_class(model: Any) -> Any:
    """A native booster of classes as the classifier that it would have been; others unchanged.

    The library has no way to read one, so the attributes are set that fitting would set.
    """
    if type(model).__name__ != "Booster":
        return model
    import lightgbm
    import numpy as np
    from sklearn.preprocessing import LabelEncoder

    objective, *options = _lightgbm_objective(model).split() or [""]
    if objective not in ("binary", "multiclass", "multiclassova"):
        return model
    said = dict(option.partition(":")[::2] for option in options)
    classes = np.arange(int(said.get("num_class", 2)))
    taking = lightgbm.LGBMClassifier(objective=objective)
    attributes = {
        "_Booster": model,
        "_best_iteration": model.best_iteration,
        "_classes": classes,
        "_le": LabelEncoder().fit(classes),
        "_n_classes": len(classes),
        "_n_features": model.num_feature(),
        "_n_features_in": model.num_feature(),
        "_objective": objective,
        "fitted_": True,
    }
    for name, value in attributes.items():
        setattr(taking, name, value)
    return taking


def _lightgbm_objective(booster: Any) -> str:
    text: str = booster.model_to_string(num_iteration=1)
    return text.partition("\nobjective=")[2].partition("\n")[0]


def _of_catboost(model: Any, rounds: Rounds) -> Booster:
    """By default CatBoost drops the rounds after the best in training (`use_best_model`)."""
    n_all = int(model.tree_count_)
    best = model.get_best_iteration()
    best = None if best is None else int(best) + 1
    n_rounds = _n_rounds(rounds, n_all, best, n_all)
    if n_rounds == n_all:
        return Booster(model, _note(n_all, best, n_rounds))
    changed = model.copy()
    changed.shrink(n_rounds)
    return Booster(changed, _note(n_all, best, n_rounds), is_changed=True)


def _n_rounds(rounds: Rounds, n_all: int, best: int | None, default: int) -> int:
    """The number of rounds to predict with.

    Raises:
        SetupError: the model doesn't have that many, or no best one.
    """
    if rounds == "all":
        return n_all
    if rounds == "best":
        if best is None:
            raise SetupError(
                "the booster has no best round",
                hint="it wasn't stopped early: leave out rounds, or give a number",
            )
        return best
    if isinstance(rounds, int):
        if rounds > n_all:
            raise SetupError(f"the booster has {n_all} rounds, not {rounds}")
        return rounds
    return default


def _note(n_all: int, best: int | None, n_rounds: int) -> tuple[str, ...]:
    """A note on the rounds in use, if there was a choice."""
    if n_rounds == n_all and best in (None, n_all):
        return ()
    best_note = f"; training found the first {best} to be the best" if best is not None else ""
    if n_rounds == n_all:
        return (f"All of its {n_all} rounds are used{best_note}.",)
    return (f"The first {n_rounds} of its {n_all} rounds are used{best_note}.",)
