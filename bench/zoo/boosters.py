"""Boosters of XGBoost, LightGBM and CatBoost, as their guides and their users configure them."""

from bench.zoo.boosters_catboost import CAT_CASES
from bench.zoo.boosters_lightgbm import LGB_CASES
from bench.zoo.boosters_xgboost import XGB_CASES

TITLE = "XGBoost, LightGBM and CatBoost: objectives, boosters, categories, gaps, constraints"
CASES = (*XGB_CASES, *LGB_CASES, *CAT_CASES)
