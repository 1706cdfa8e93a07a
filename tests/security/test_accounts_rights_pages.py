"""The pages of rights: they say what is true, and let nobody give or overwrite what they shouldn't."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, Visitor, make_older, text_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
PATH = "/accounts/rights/"
MODEL = "logistic-1"
# Sam may change people and groups, and predict; Vera may look, and predict; Greta may look at groups.
SCRIPT = f"""
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
call_command("migrate", verbosity=0)
from podium.hosts.django.permissions import make_permissions
make_permissions(["logistic-1", "old"])
def of(*names):
    return list(Permission.objects.filter(codename__in=names))
def user(name, *rights, **fields):
    made = User.objects.create_user(name, password="{PASSWORD}", **fields)
    made.user_permissions.add(*of(*rights))
    return made
people = [
    User.objects.create_superuser("boss", "boss@example.org", "{PASSWORD}"),
    User.objects.create_superuser("chief", "chief@example.org", "{PASSWORD}"),
    user("sam", "change_user", "change_group", "predict", is_staff=True),
    user("vera", "view_user", "view_group", "predict", is_staff=True),
    user("greta", "view_group", is_staff=True),
    user("clerk", is_staff=True),
    user("plain", "change_user", "change_group"),
    user("peer"),
    user("mighty", "delete_logistic-1"),
    user("idle", "feedback", is_active=False),
    user("both", "see_all"),
    user("فاطمة", "predict_old"),
]
groups = [Group.objects.create(name=name) for name in ("analysts", "<b>strong</b>", "x" * 150)]
groups[0].permissions.add(*of("predict_logistic-1", "metrics"))
groups[1].permissions.add(*of("delete", "see_own_logistic-1"))
people[-2].groups.add(*groups)
people[-1].groups.add(groups[0])
Group.objects.get(name="Everyone who is logged in").permissions.add(*of("see_own_old"))
Group.objects.get(name="The public").permissions.add(*of("predict_old"))
for one in people:
    print("ID", one, f"u{{one.pk}}")
for one in Group.objects.all():
    print("ID", one.name.replace(" ", "_"), f"g{{one.pk}}")
"""
GRANTED = """
select 'u' || user_id, permission_id from auth_user_user_permissions union
select 'g' || group_id, permission_id from auth_group_permissions order by 1, 2
"""
AUDIT = "select event, actor, target, details from podium_auditentry where actor = ? order by id"
# Each person, each model, each action: as the page has it, and as requests are judged.
COMPARED = """
from django.contrib.auth.models import User
from podium.access import ALL, Action, Actor, allowed
from podium.accounts.rights import Book
from podium.hosts.django.permissions import granted_to, granted_to_groups, joined
models, n = ["logistic-1", "old"], 0
for_everyone = granted_to_groups(models)[1]
people = list(User.objects.all())
for user in people:
    grants = joined(granted_to(user, models), for_everyone) if user.is_active else {}
    actor = Actor(user.username, user.username, grants, "", f"user:{user.pk}")
    for model in (ALL, *models):
        for cell in Book(people[0], people).cells(user, model):
            n += 1
            if cell.is_given != allowed(actor, cell.action, model):
                print("DIFFERS", user, model, cell.action, cell.is_given, cell.sources)
print("CELLS", n)
"""


def manage(home: Path, script: str) -> str:
    command = [sys.executable, "-m", "podium", "manage", "--home", str(home), "shell", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@dataclass
class World:
    """A server, and the keys of people and groups."""

    server: ServerProcess
    keys: dict[str, str]

    @property
    def home(self) -> Path:
        return self.server.log.parent

    def visitor(self, name: str) -> Visitor:
        visitor = Visitor(self.server.address)
        visitor.log_in(name)
        return visitor

    def ask(self, query: str, *values: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.home / "accounts" / "accounts.db")) as database:
            return database.execute(query, values).fetchall()

    def granted(self) -> list[tuple[str, ...]]:
        return self.ask(GRANTED)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("rights") / "home"
    keys = dict(re.findall(r"ID (\S+) (\w+)", manage(home, SCRIPT)))
    with ServerProcess(BUNDLE, "--accounts", home=home) as server:
        yield World(server, keys)


def said_on(page: httpx.Response) -> str:
    """What one can read on a page, in one line."""
    return " ".join(text_of(page).split())


def form_of(page: httpx.Response) -> dict[str, list[str]]:
    """What a browser would send of the page as it is."""
    found: dict[str, list[str]] = {"right": []}
    for tag in re.findall(r"<input [^>]+>", page.text.partition('class="granting"')[2]):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if told["type"] == "hidden" or " checked" in tag:
            found.setdefault(told["name"], []).append(told["value"])
    return found


def save(visitor: Visitor, page: httpx.Response, *changed: str) -> httpx.Response:
    """Tick or untick boxes of an open page, whether it shows them or not, and send it."""
    form = form_of(page)
    form["right"] = sorted(set(form["right"]) ^ set(changed))
    headers = {"origin": visitor.origin, "referer": str(page.url)}
    return visitor.http.post(str(page.url), data=form, headers=headers)


@pytest.mark.parametrize("name", ["clerk", "plain", "peer"])
def test_a_user_without_permission_sees_and_changes_nothing(world, name):
    before = world.granted()
    with world.visitor(name) as visitor:
        page = visitor.get("/accounts/")
        token = form_of(page) | {"rights": ["predict"], "row": [world.keys[name]]}
        token["csrfmiddlewaretoken"] = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
        token["right"] = [f"{world.keys[name]}:predict"]
        headers = {"origin": visitor.origin}
        seen = [visitor.get(PATH), visitor.get(f"{PATH}user/1/")]
        sent = visitor.http.post(PATH, data=token, headers=headers)

    assert [one.status_code for one in (*seen, sent)] == [403, 403, 403]
    assert PATH not in page.text
    assert world.granted() == before


def test_anonymous_users_are_sent_to_log_in(world):
    with Visitor(world.server.address) as visitor:
        assert visitor.get(PATH).url.path == "/accounts/login/"


def test_a_viewer_gets_no_checkboxes_and_a_forged_form_is_refused(world):
    before = world.granted()
    with world.visitor("vera") as vera, world.visitor("greta") as greta:
        page, of_peer = vera.get(PATH), vera.get(f"{PATH}user/{world.keys['peer'][1:]}/")
        forged = [save(vera, one, f"{world.keys['peer']}:predict") for one in (page, of_peer)]
        hers = greta.get(PATH)
        group = greta.get(f"{PATH}group/{world.keys['analysts'][1:]}/")
        other = greta.get(f"{PATH}user/{world.keys['peer'][1:]}/")

    assert page.status_code == of_peer.status_code == 200
    assert "checkbox" not in page.text + of_peer.text
    assert "analysts" in said_on(page)
    assert [one.status_code for one in forged] == [403, 403]
    assert "peer" not in said_on(hers)
    assert "analysts" in said_on(hers)
    assert "both" not in said_on(group)
    assert other.status_code == 404
    assert world.granted() == before


def test_staff_grant_what_they_have_and_no_forged_box_gives_more(world):
    keys, before = world.keys, world.granted()
    tried = {
        "oneself": f"{keys['sam']}:delete",
        "oneself, one model": f"{keys['sam']}:delete_{MODEL}",
        "another": f"{keys['peer']}:see_all",
        "a group": f"{keys['analysts']}:metrics",
        "everybody": f"{keys['The_public']}:delete_{MODEL}",
        "a superuser": f"{keys['boss']}:predict",
        "somebody mightier": f"{keys['mighty']}:predict_{MODEL}",
    }
    with world.visitor("sam") as sam:
        page = sam.get(PATH)
        offered = re.findall(r'type="checkbox" name="right" value="(\w+):([\w-]+)"', page.text)
        refused = {name: save(sam, page, value).status_code for name, value in tried.items()}
        unchanged = world.granted()
        done = save(sam, page, f"{keys['peer']}:predict_{MODEL}", f"{keys['analysts']}:predict_old")
        undone = save(
            sam, done, f"{keys['peer']}:predict_{MODEL}", f"{keys['analysts']}:predict_old"
        )
    audit = [
        (event, target, *json.loads(details).values())
        for event, _, target, details in world.ask(AUDIT, "sam")
    ]

    assert {right for _, right in offered} <= {
        "predict",
        f"predict_{MODEL}",
        "predict_old",
        "see_own_old",
    }
    assert {key for key, _ in offered}.isdisjoint({keys["boss"], keys["mighty"], keys["idle"]})
    assert set(refused.values()) == {403}, refused
    assert unchanged == before
    assert "2 granted, 0 revoked" in said_on(done)
    assert "0 granted, 2 revoked" in said_on(undone)
    assert world.granted() == before
    changes = [("peer", "user", MODEL, "predict"), ("analysts", "group", "old", "predict")]
    assert {one for one in audit if one[0] in ("granted", "revoked")} == {
        (event, *one) for event in ("granted", "revoked") for one in changes
    }
    assert sum(one[0] == "refused" for one in audit) == len(tried)


def test_what_no_page_sends_is_refused_without_an_error(world):
    keys, before = world.keys, world.granted()
    forms = {
        "an unknown right": {"rights": "fly", "row": keys["peer"], "right": f"{keys['peer']}:fly"},
        "another app": {"rights": "change_user", "row": keys["peer"]},
        "a box outside": {
            "rights": "predict",
            "row": keys["peer"],
            "right": f"{keys['sam']}:predict",
        },
        "no box": {"rights": "predict", "row": keys["peer"], "right": "?"},
        "nothing": {},
        "unknown people": {"rights": "predict", "row": "u99999", "right": "u99999:predict"},
        "no number": {"rights": "predict", "row": "g²", "right": "g²:predict"},
        "a huge number": {"rights": "predict", "row": "u" + "9" * 40},
        "a NUL": {"rights": "predict\0", "row": "u1\0"},
        "too many": {"rights": "predict see_own see_all", "row": [f"u{n}" for n in range(900)]},
    }
    with world.visitor("boss") as boss:
        page = boss.get(PATH)
        token = form_of(page)["csrfmiddlewaretoken"]
        headers = {"origin": boss.origin}
        statuses = {
            name: boss.http.post(PATH, data={**form, "csrfmiddlewaretoken": token}, headers=headers)
            for name, form in forms.items()
        }
        one = boss.http.post(
            f"{PATH}user/{keys['peer'][1:]}/",
            data={"csrfmiddlewaretoken": token, "rights": "predict", "row": [], "was": ""},
            headers=headers,
        )
        forged = boss.http.post(PATH, data=form_of(page) | {"csrfmiddlewaretoken": "x"})
        queries = (
            "page=-1",
            "page=9999999",
            "models=x",
            "models=²",
            "who=%00",
            "who=%3Cb%3E",
            "model=%FF",
        )
        looked = {query: boss.get(f"{PATH}?{query}").status_code for query in queries}
        lost = [boss.get(f"{PATH}user/{n}/").status_code for n in ("999999", "9" * 18, "x")]

    told = {name: answer.status_code for name, answer in statuses.items()}
    assert set(told.values()) <= {200, 400, 409}, told
    assert told["an unknown right"] == told["a box outside"] == told["too many"] == 400
    assert told["unknown people"] == 409
    assert one.status_code == 200
    assert forged.status_code == 403
    assert set(looked.values()) <= {200, 400}, looked
    assert lost == [404, 404, 404]
    assert world.granted() == before


def test_an_outdated_form_overwrites_nothing_and_shows_what_changed(world):
    keys = world.keys
    mine, theirs = f"{keys['peer']}:feedback_{MODEL}", f"{keys['analysts']}:delete_{MODEL}"
    before = world.granted()
    with world.visitor("boss") as boss, world.visitor("chief") as chief:
        older = boss.get(PATH)
        save(chief, chief.get(PATH), theirs)
        changed = world.granted()
        refused = save(boss, older, mine)
        unchanged = world.granted()
        saved = save(boss, refused)
        save(boss, saved, mine, theirs)

    told = f"analysts : delete records of {MODEL}, granted by chief"
    assert refused.status_code == 409
    assert told in said_on(refused)
    assert unchanged == changed
    assert {mine, theirs} <= set(form_of(refused)["right"])  # what one wanted is still ticked
    assert "1 granted, 0 revoked" in said_on(saved)
    assert world.granted() == before


def test_of_two_forms_at_once_one_is_saved_and_the_other_refused(world):
    keys, before = world.keys, world.granted()
    wanted = [f"{keys['peer']}:feedback_{MODEL}", f"{keys['analysts']}:see_all_{MODEL}"]
    with world.visitor("boss") as boss, world.visitor("chief") as chief:
        pages = [one.get(PATH) for one in (boss, chief)]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(save, (boss, chief), pages, wanted))
        winner = [one.status_code for one in answers].index(200)
        undone = save(boss, boss.get(PATH), wanted[winner])

    assert sorted(one.status_code for one in answers) == [200, 409]
    assert "0 granted, 1 revoked" in said_on(undone)
    assert world.granted() == before


def test_an_older_login_must_authenticate_first(world):
    before = world.granted()
    with world.visitor("boss") as boss:
        page = boss.get(PATH)
        make_older(world.home)
        asked = save(boss, page, f"{world.keys['peer']}:predict")

        assert "reauthenticate" in asked.url.path
        assert world.granted() == before


def test_a_users_page_shows_their_rights_and_the_sources(world):
    out = manage(world.home, COMPARED)
    with world.visitor("vera") as vera:
        both = vera.get(f"{PATH}user/{world.keys['both'][1:]}/")
        boss = vera.get(f"{PATH}user/{world.keys['boss'][1:]}/")
        idle = vera.get(f"{PATH}user/{world.keys['idle'][1:]}/")
        group = vera.get(f"{PATH}group/{world.keys['analysts'][1:]}/")

    assert "DIFFERS" not in out, out
    assert int(re.findall(r"CELLS (\d+)", out)[0]) == 12 * 22
    told = said_on(both)
    for words in ("through analysts", "through The public", "See all for every model"):
        assert words in told
    assert "through <b>strong</b> (for every model)" in told
    assert "<b>strong" not in both.text
    assert "Superuser: may do everything" in said_on(boss)
    assert "Disabled: may do nothing" in said_on(idle)
    assert "2 members" in said_on(group)
    assert 'dir="auto">فاطمة' in group.text


def test_what_a_back_end_of_ones_own_grants_is_called_that(world, tmp_path):
    (tmp_path / "badges.py").write_text(
        "class Badge:\n"
        "    def authenticate(self, request, **_): return None\n"
        "    def has_perm(self, user, perm, obj=None): return perm == 'podium.delete'\n"
    )
    script = """
from django.contrib.auth.models import User
from podium.accounts.rights import Book
peer = User.objects.get(username="peer")
cells = Book(peer, [peer]).cells(peer, "logistic-1")
print([(cell.action.value, cell.through) for cell in cells if cell.is_given])
"""
    command = [sys.executable, "-m", "podium", "manage", "--home", str(world.home), "shell", "-c"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path, "PODIUM_ACCOUNTS_BACKENDS": "badges.Badge"},
    )

    assert "('delete', 'by an authentication backend')" in done.stdout
