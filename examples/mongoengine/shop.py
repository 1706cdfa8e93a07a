"""A shop whose customers and predictions are documents in one MongoDB.

pip install flask mongoengine  # and Podium's extras flask and mongodb
flask --app shop run
"""

import json

import mongoengine as me
from flask import Flask, request

from podium.hosts.flask import Podium
from podium.hosts.flask.mongo import RecordDocument


class Customer(me.Document):
    name = me.StringField(required=True)
    age = me.FloatField(min_value=0, max_value=120)
    fee = me.FloatField()
    prediction = me.StringField()  # the record's id


class Prediction(RecordDocument):
    meta = {"collection": "predictions"}  # noqa: RUF012 - as MongoEngine has it


def create_app():
    app = Flask(__name__)
    app.config["MONGODB_URL"] = "mongodb://127.0.0.1:27017/shop"
    app.config.from_prefixed_env()  # FLASK_MONGODB_URL, FLASK_SECRET_KEY
    me.connect(host=app.config["MONGODB_URL"], uuidRepresentation="standard")
    podium = Podium(app, models={"fee": "fees:fee"}, store=Prediction)

    @app.post("/customers")
    def new_customer():
        said = request.get_json()
        predicted = podium.predict("fee", {"age": said["age"], "plan": said["plan"]})
        customer = Customer(name=said["name"], age=said["age"])
        customer.fee, customer.prediction = predicted.prediction, predicted.id
        customer.save()
        return {"fee": customer.fee, "prediction": customer.prediction}

    @app.get("/fees")
    def fees():
        """The predictions of the app's own query, and what the customers pay on average."""
        latest = Prediction.objects(model="fee", outcome_number__gt=0).order_by("-time_us")[:20]
        return {
            "latest": [{"inputs": json.loads(one.inputs), "fee": one.outcome} for one in latest],
            "average": Customer.objects.average("fee"),
        }

    return app
