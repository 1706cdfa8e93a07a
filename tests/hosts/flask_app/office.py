"""The shop and its back office: a database with migrations, an admin, and a form over a table."""

from __future__ import annotations

from typing import Any

import flask
import shop
import sqlalchemy as sa
from flask import Flask, render_template_string
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import FlaskForm
from wtforms_alchemy import model_form_factory

from podium.hosts.flask.admin import RecordsView

db = SQLAlchemy()
migrate = Migrate()

PAGE = """<form method="post">{{ form.hidden_tag() }}
{% for field in form if field.name != "csrf_token" %}<p>{{ field.label }} {{ field }} {{ field.description }}
{{ field.errors | join(" ") }}</p>{% endfor %}<button>Save</button></form>"""


class Customer(db.Model):
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(40), nullable=False)
    age = sa.Column(sa.Integer)
    score = sa.Column(sa.Float)
    record = sa.Column(sa.String(32))


class ModelForm(model_form_factory(FlaskForm)):
    @classmethod
    def get_session(cls) -> Any:
        return db.session


def make(**config: Any) -> Flask:
    app = shop.make(**{"PODIUM_STORE": db, **config})
    db.init_app(app)
    migrate.init_app(app, db)
    admin = Admin(app, name="Shop", theme=Bootstrap4Theme())
    admin.add_view(RecordsView())
    app.add_url_rule("/customers/new", view_func=new_customer, methods=["GET", "POST"])
    return app


def new_customer() -> Any:
    class CustomerForm(shop.podium.form("loans"), ModelForm):
        class Meta:
            model = Customer
            only = ("name",)

    form = CustomerForm()
    if form.validate_on_submit():
        customer = Customer()
        form.populate_obj(customer)
        said = form.predict()
        customer.score, customer.record = said.probabilities["yes"], said.id
        db.session.add(customer)
        db.session.commit()
        return {"id": customer.id, "score": customer.score, "record": customer.record}
    return render_template_string(PAGE, form=form), 422 if flask.request.form else 200
