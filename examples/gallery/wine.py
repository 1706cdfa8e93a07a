"""Three classes: the grower of an Italian wine, from its chemical analysis.

Data: Forina and others (1991), 178 wines of three growers in Piedmont; package scikit-learn.
"""

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

import podium

FIELDS = {
    "alcohol": {"unit": "% vol"},
    "malic_acid": {"title": "Malic acid", "unit": "g/l"},
    "magnesium": {"unit": "mg/l"},
    "flavanoids": {},
    "color_intensity": {"title": "Colour intensity"},
    "hue": {},
    "proline": {"unit": "mg/l"},
}

rows = load_wine(as_frame=True)
X = rows.data[list(FIELDS)]
y = rows.target.map({0: "grower A", 1: "grower B", 2: "grower C"}).rename("grower")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = RandomForestClassifier(random_state=0).fit(X_train, y_train)

podium.pack(
    model,
    X_train,
    y_train,
    holdout=(X_test, y_test),
    name="wine",
    title="Grower of a wine",
    description="Three growers of one region, recognised by the chemistry of their wine.",
    signature={"fields": [{"name": name, **facts} for name, facts in FIELDS.items()]},
)
