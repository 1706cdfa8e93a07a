"""A Flask app with a page of its own that asks the model, and Podium's pages below /ml.

python train.py
flask run
"""

from flask import Flask, url_for

from podium.hosts.flask import Podium

app = Flask(__name__)
podium = Podium(app, models={"visits": "visits.podium"}, url_prefix="/ml", title="Health plans")


@app.get("/plans")
def plans() -> str:
    """What a plan's own share does to the visits of someone with ten chronic diseases."""
    shares = [0, 25, 50, 95]
    person = {"diseases": 10, "is_limited": False}
    answers = podium.predict("visits", [{"own_share": share, **person} for share in shares])
    lines = "".join(
        f"<li>{share} %: {answer.prediction:.1f} visits a year</li>"
        for share, answer in zip(shares, answers, strict=True)
    )
    form = url_for("podium.model", name="visits")
    return f"<h1>Own share of the costs</h1><ul>{lines}</ul><a href='{form}'>Ask the model</a>"
