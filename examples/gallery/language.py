"""A text and eight classes: the language of a sentence, by the letters that stand together.

Data: the translations of Django's own messages, about 350 in each language; package django.
"""

import gettext
import re
from pathlib import Path

import django
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import podium

LANGUAGES = {
    "de": "German",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "sv": "Swedish",
}


def messages(code: str) -> set[str]:
    """The messages of one language that have three words or more, without their placeholders."""
    found = set()
    for path in Path(django.__file__).parent.rglob(f"locale/{code}/LC_MESSAGES/django.mo"):
        with path.open("rb") as file:
            translations = gettext.GNUTranslations(file)
        # A catalogue has no public way to all of its messages at once.
        found |= {str(text) for text in translations._catalog.values()}  # noqa: SLF001
    plain = {re.sub(r"%\(\w+\)[sd]|%[sd]|<[^>]+>|\{[^}]*\}", " ", text).strip() for text in found}
    return {text for text in plain if len(text.split()) > 2 and "Content-Type" not in text}


rows = pd.DataFrame(
    [(text, name) for code, name in LANGUAGES.items() for text in sorted(messages(code))],
    columns=["text", "language"],
)
train, test = train_test_split(rows, stratify=rows["language"], random_state=0)
letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), max_features=4_000)
model = make_pipeline(letters, LogisticRegression(C=10)).fit(train["text"], train["language"])

podium.pack(
    model,
    train["text"],
    train["language"],
    holdout=(test["text"], test["language"]),
    name="language",
    title="Language of a text",
    description="Eight European languages, told apart by groups of up to three letters.",
    limits=["It names one of these eight for any text: for English too, which isn't among them."],
)
