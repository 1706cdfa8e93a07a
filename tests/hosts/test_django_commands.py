"""What `manage.py` says of models: the commands and the checks."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project, packed_loans

CSV = "age,income,member,plan,note,since\n41,1000.5,true,pro,hello,2024-03-01\n"
CUSTOMERS = """
import datetime as dt
from shop.models import Customer
for i in range(1_205):
    Customer.objects.create(name=str(i), age=20 + i % 50, plan="pro", since=dt.date(2024, 1, 1),
                            is_member=i % 2 == 0)
"""
SCORED = """
from shop.models import Customer
from podium.hosts.django.models import Prediction
print(Customer.objects.filter(granted="yes", chance=0.75).count(),
      Customer.objects.filter(granted="no", chance=0.25).count(),
      Prediction.objects.filter(source="python").count())
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_loans(tmp_path_factory.mktemp("loans"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Project:
    project = Project(tmp_path_factory.mktemp("shop"), model)
    project.migrate()
    return project


def checked(folder: Path, model: Path, *arguments: str, **options: Any) -> str:
    return Project(folder, model, **options).manage("check", *arguments).stderr


MADE = """
from podium.hosts.django.host import current_host
from podium.records.store import RecordQuery
from podium.testing.stores.samples import sample
rows = [sample(n, model="loans", inputs=b'{"age":%d}' % (20 + n // 10)) for n in range(40)]
store = current_host().app.site.store
store.insert(rows)
print(len(store.page(RecordQuery(), limit=100).records))
"""
LEFT = """
from podium.hosts.django.models import AuditEntry, Prediction
print(Prediction.objects.count(), [one.event for one in AuditEntry.objects.order_by("id")][-2:])
"""


def test_records_are_counted_and_deleted(tmp_path: Path, model: Path) -> None:
    project = Project(tmp_path, model)
    project.migrate()
    assert project.manage("shell", "-c", MADE).stdout.endswith("40\n")

    unnamed = project.manage("podium_delete", "--yes")
    counted = project.manage("podium_delete", "--key", "age=21")
    deleted = project.manage("podium_delete", "--key", "age=21", "--yes")
    left = project.manage("shell", "-c", LEFT).stdout

    assert "no records are selected" in unnamed.stderr
    assert counted.stdout == "10 records would be deleted; run it with --yes to delete.\n"
    assert deleted.stdout == "10 records deleted.\n", deleted.stderr
    assert left.endswith("30 ['records_deletion_begun', 'records_deleted']\n")


def test_the_models_are_listed(project: Project) -> None:
    told = project.manage("podium_models")
    listed = json.loads(project.manage("podium_models", "--json").stdout)

    assert "loans" in told.stdout
    assert "digest" in told.stdout
    assert [one["name"] for one in listed] == ["loans"]


def test_a_table_is_scored_and_filled_in(project: Project) -> None:
    made = project.manage("shell", "--no-imports", "-c", CUSTOMERS)
    assert made.returncode == 0, made.stderr

    done = project.manage(
        *("podium_score", "loans", "shop.Customer", "--input", "member=is_member"),
        *("--set", "granted=prediction", "--set", "chance=probabilities.yes"),
        *("--where", "granted="),
    )

    assert done.returncode == 0, done.stderr
    assert "1205 rows" in done.stderr
    assert project.manage("shell", "--no-imports", "-c", SCORED).stdout.split() == [
        "603",
        "602",
        "1205",
    ]


def test_a_file_is_scored(project: Project) -> None:
    source, target = project.folder / "in.csv", project.folder / "out.csv"
    source.write_text(CSV)

    done = project.manage("podium_score", "loans", str(source), "--to", str(target))

    assert done.returncode == 0, done.stderr
    assert target.read_text().splitlines() == [
        "age,income,member,plan,note,since,prediction,probability_no,probability_yes",
        "41,1000.5,true,pro,hello,2024-03-01,yes,0.25,0.75",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope", "shop.Customer"], "known: loans"),
        (["loans", "shop.Nothing"], "app_label.Model"),
        (["loans", "shop.Customer"], "--set"),
        (["loans", "shop.Customer", "--set", "nothing=prediction"], "nothing"),
        (["loans", "shop.Customer", "--set", "granted=prediction"], "member"),
    ],
)
def test_a_failed_scoring_is_reported(project: Project, arguments: list[str], words: str) -> None:
    done = project.manage("podium_score", *arguments)

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_project_that_is_set_up_well_has_nothing_to_mend(tmp_path: Path, model: Path) -> None:
    done = Project(tmp_path, model).manage("check")

    assert done.stdout == "System check identified no issues (0 silenced).\n"


def test_an_unknown_setting_is_an_error(tmp_path: Path, model: Path) -> None:
    told = checked(tmp_path, model, colour="red")

    assert "podium.E001" in told
    assert "'colour'" in told


def test_accounts_of_our_own_server_are_an_error(tmp_path: Path, model: Path) -> None:
    assert "is for Podium's own server" in checked(tmp_path, model, accounts={"mfa": "everyone"})


def test_a_project_without_models_learns_how_to_add_one(tmp_path: Path, model: Path) -> None:
    assert "podium.E002" in checked(tmp_path, model, models={})


def test_a_bundle_that_is_not_there_is_an_error(tmp_path: Path, model: Path) -> None:
    told = checked(tmp_path, model, models={"churn": str(tmp_path / "churn.podium")})

    assert "podium.E003" in told
    assert "churn.podium doesn't exist" in told


def test_a_bundle_that_was_changed_is_an_error(tmp_path: Path, model: Path) -> None:
    changed = bytearray(model.read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "loans.podium").write_bytes(changed)

    told = checked(tmp_path, model, models={"loans": str(tmp_path / "loans.podium")})

    assert "podium.E004" in told


def test_a_model_under_another_name_is_an_error(tmp_path: Path, model: Path) -> None:
    told = checked(tmp_path, model, models={"credit": str(model)})

    assert "podium.E006" in told
    assert "call it 'loans'" in told


def test_a_base_template_that_is_not_there_is_an_error(tmp_path: Path, model: Path) -> None:
    assert "podium.E007" in checked(tmp_path, model, base_template="nothing.html")


def test_what_is_hardly_meant_is_a_warning(tmp_path: Path, model: Path) -> None:
    told = checked(tmp_path, model, public=["lones"], body_max_bytes=10**8)

    assert "podium.W005" in told
    assert "podium.W006" in told


def test_a_project_that_others_reach_is_looked_at_more_closely(tmp_path: Path, model: Path) -> None:
    home = str(tmp_path / "collected" / "home")
    project = Project(tmp_path, model, home=home)

    told = project.manage("check", "--deploy", SHOP_DEBUG="1").stderr

    for number in ("podium.W001", "podium.W002", "podium.W007"):
        assert number in told
    assert "podium." not in project.manage("check").stderr


def test_every_check_is_documented_and_no_other() -> None:
    number = re.compile(r"podium\.[EW]\d{3}")
    root = Path(__file__).parents[2]
    code = (root / "src/podium/hosts/django/checks.py").read_text("utf-8")
    page = (root / "docs/how-to/django.md").read_text("utf-8")

    assert sorted(set(number.findall(page))) == sorted(set(number.findall(code)))
