import os

import joblib
import pandas as pd
from flask import Flask, jsonify, request

app = Flask(__name__)
model = joblib.load(os.environ["MODEL"])


@app.post("/predict")
def predict():
    rows = pd.DataFrame(request.get_json())
    return jsonify(predictions=model.predict(rows).tolist())
