import os
import pickle
from pathlib import Path

import pandas as pd
from flask import Flask, jsonify, render_template, request

FEATURES = ["area", "rooms", "age", "floor", "distance", "energy", "balcony", "noise"]

app = Flask(__name__)

model = pickle.loads(Path(os.environ.get("MODEL", "model.pkl")).read_bytes())


def predict_price(values):
    row = pd.DataFrame([values], columns=FEATURES)
    return float(model.predict(row)[0])


@app.route("/")
def home():
    return render_template("index.html", features=FEATURES, values={})


@app.route("/predict", methods=["POST"])
def predict():
    try:
        values = [float(request.form[name]) for name in FEATURES]
    except ValueError:
        error = "Please enter numbers only."
        return render_template(
            "index.html", features=FEATURES, values=request.form, error=error
        ), 400
    price = predict_price(values)
    return render_template("index.html", features=FEATURES, values=request.form, price=price)


@app.route("/api/predict", methods=["POST"])
def predict_api():
    data = request.get_json()
    try:
        values = [float(data[name]) for name in FEATURES]
    except (KeyError, TypeError, ValueError):
        return jsonify({"error": "Please send a number for every feature."}), 400
    return jsonify({"prediction": predict_price(values)})


if __name__ == "__main__":
    app.run()
