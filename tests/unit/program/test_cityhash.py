"""The hash of categories, as CatBoost computes it."""

from __future__ import annotations

import json
import random

import catboost
import numpy as np

from podium.program.cityhash import city_hash_64

# By this number CatBoost multiplies, twice, before it stores the hash of a single category.
MULTIPLIER = 0x4906BA494954CB65
LETTERS = "abcdefghij klmnöß日\U0001f600\0"


def texts_of_every_length():
    """Up to the length of three blocks, with letters of one to four bytes."""
    draw = random.Random(0)
    lengths = [*range(140), 191, 192, 193, 255, 256, 257, 1000]
    some = {"".join(draw.choices(LETTERS[:16], k=n)) for n in lengths}
    return sorted(some | {"".join(draw.choices(LETTERS, k=n)) for n in lengths})


def test_catboost_writes_the_same_hashes_into_its_models(tmp_path):
    texts = texts_of_every_length()
    rows = np.repeat(np.array(texts, object), 4)[:, None]
    truth = np.repeat(np.arange(len(texts)) % 2, 4).astype(float)
    model = catboost.CatBoostRegressor(
        iterations=3, depth=2, cat_features=[0], verbose=0, allow_writing_files=False
    )
    model.fit(rows, truth).save_model(tmp_path / "model.json", format="json")
    written = json.loads((tmp_path / "model.json").read_bytes())["ctr_data"]
    (table,) = written.values()
    theirs = {int(key) for key in table["hash_map"][:: table["hash_stride"]]} - {2**64 - 1}

    halves = [city_hash_64(text.encode()) & 0xFFFFFFFF for text in texts]
    signed = [half - (half >> 31 << 32) for half in halves]

    assert {half * MULTIPLIER**2 % 2**64 for half in signed} == theirs
    assert len(theirs) == len(texts)
