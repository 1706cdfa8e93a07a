"""Two classes: whether a breast tumour is malignant, from five measurements of its cells.

Data: Wolberg, Street and Mangasarian (1995), the Wisconsin Diagnostic Breast Cancer data of 569
patients; package scikit-learn.
"""

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium

FIELDS = ["mean radius", "mean texture", "mean smoothness", "mean concavity", "mean symmetry"]

rows = load_breast_cancer(as_frame=True)
X, y = rows.data[FIELDS], rows.target.map({0: "malignant", 1: "benign"}).rename("tumour")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)

podium.pack(
    model,
    X_train,
    y_train,
    holdout=(X_test, y_test),
    name="tumour",
    title="Breast tumour",
    description="Tells benign from malignant tumours by the nuclei of cells from a needle biopsy.",
    limits=["A demonstration on 569 patients of one clinic. Don't use it for a diagnosis."],
)
