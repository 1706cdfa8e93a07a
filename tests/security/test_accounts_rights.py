"""Staff who may change people and groups can't give themselves or others more than they have."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, Visitor, text_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
# Sam may do all that Django's admin offers with people and groups, and predict; no more.
SCRIPT = f"""
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
call_command("migrate", verbosity=0)
from podium.hosts.django.permissions import make_permissions
make_permissions(["logistic-1"])
def of(**which):
    return list(Permission.objects.filter(**which))
boss = User.objects.create_superuser("boss", "boss@example.org", "{PASSWORD}")
peer = User.objects.create_user("peer", password="{PASSWORD}")
mighty = User.objects.create_user("mighty", password="{PASSWORD}")
mighty.user_permissions.add(*of(codename="delete_logistic-1"))
idle = User.objects.create_user("idle", password="{PASSWORD}", is_active=False)
idle.user_permissions.add(*of(codename="delete_logistic-1"))
sam = User.objects.create_user("sam", password="{PASSWORD}", is_staff=True)
for app in ("auth", "account", "socialaccount", "mfa"):
    sam.user_permissions.add(*of(content_type__app_label=app))
sam.user_permissions.add(*of(codename="predict"))
plain = Group.objects.create(name="plain")
plain.permissions.add(*of(codename="predict_logistic-1"))
strong = Group.objects.create(name="strong")
strong.permissions.add(*of(codename="delete_logistic-1"))
for one in (boss, peer, mighty, idle, sam, plain, strong):
    print("ID", one, one.pk)
print("SAM", *sam.user_permissions.values_list("pk", flat=True))
for name in ("predict_logistic-1", "delete_logistic-1", "see_all"):
    print("ID", name, Permission.objects.get(codename=name).pk)
"""
LOOK = """
from django.contrib.auth.models import User
from podium.hosts.django.models import AuditEntry
for user in User.objects.order_by("username"):
    rights = sorted(user.get_all_permissions()) if user.is_active else ["inactive"]
    podium = [one for one in rights if one.startswith(("podium.", "inactive"))]
    print("HAS", user.username, user.is_superuser, user.is_staff, ",".join(podium))
    print("PASSWORD", user.username, user.check_password("THE_PASSWORD"))
print("REFUSED", AuditEntry.objects.filter(event="refused", actor="sam").count())
""".replace("THE_PASSWORD", PASSWORD)

# As a view of anybody's would write it, while Sam is logged in.
WRITES = """
import time
from types import SimpleNamespace
from allauth.core.context import request_context
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from podium.accounts.guard import Refused
from podium.hosts.django.tokens import make_token
sam, peer, boss, mighty = (User.objects.get(username=n) for n in ("sam", "peer", "boss", "mighty"))
plain, strong = (Group.objects.get(name=n) for n in ("plain", "strong"))
delete = Permission.objects.get(codename="delete_logistic-1")
def put(row, **fields):
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
writes = {
    "peer joins plain": lambda: peer.groups.add(plain),
    "peer joins strong": lambda: peer.groups.add(strong),
    "strong takes peer": lambda: strong.user_set.add(peer),
    "plain gets delete": lambda: plain.permissions.add(delete),
    "delete goes to plain": lambda: delete.group_set.add(plain),
    "peer gets delete": lambda: peer.user_permissions.set([delete]),
    "strong is stripped": lambda: strong.permissions.clear(),
    "mighty is stripped": lambda: mighty.user_permissions.clear(),
    "a new superuser": lambda: User.objects.create_superuser("eve", password="x"),
    "peer is superuser": lambda: put(peer, is_superuser=True),
    "boss is renamed": lambda: put(boss, username="sam2"),
    "mighty has another address": lambda: put(mighty, email="sam@example.org"),
    "a permission is renamed": lambda: put(delete, codename="other"),
    "a token of boss": lambda: make_token(boss, "mine"),
    "strong is deleted": lambda: strong.delete(),
}
def asked_by(user, minutes_ago):
    records = [{"method": "password", "at": time.time() - 60 * minutes_ago}]
    session = {"account_authentication_methods": records}
    session["account_authentication_methods_user"] = str(user.pk)
    return request_context(SimpleNamespace(user=user, session=session))
for user in (sam, boss):
    with asked_by(user, 20):
        try:
            peer.groups.add(plain)
        except ReauthenticationRequired:
            print("ASKED", user)
with asked_by(sam, 1):
    for name, write in writes.items():
        try:
            with transaction.atomic():
                write()
            print("DONE", name)
        except Refused:
            print("REFUSED", name)
"""


@dataclass
class World:
    """A server, its rows by name, and Sam, who is logged in."""

    server: ServerProcess
    ids: dict[str, str]
    own: list[str]
    sam: Visitor

    def change(self, path: str, **form: object) -> int:
        """Send a form as it can be made up by hand; the status of the answer."""
        page = self.sam.get("/admin/password_change/")  # whose form holds the hidden token
        return self.sam.submit(page, form, to=f"/admin/{path}").status_code

    def oneself(self, **fields: object) -> int:
        """Sam's own form, with another permission where one is said."""
        more = [fields.pop("user_permissions")] if "user_permissions" in fields else []
        return self.user("sam", is_staff="on", user_permissions=[*self.own, *more], **fields)

    def user(self, name: str, **fields: object) -> int:
        form = {"username": name, "is_active": "on", **fields}
        form |= {f"date_joined_{n}": said for n, said in enumerate(("2026-01-01", "12:00:00"))}
        return self.change(f"auth/user/{self.ids[name]}/change/", **form)


def manage(home: Path, script: str) -> str:
    command = [sys.executable, "-m", "podium", "manage", "--home", str(home), "shell", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rights(world: World) -> dict[str, str]:
    out = manage(world.server.log.parent, LOOK)
    return dict(re.findall(r"HAS (\w+) (.*)", out))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("rights") / "home"
    out = manage(home, SCRIPT)
    ids, own = dict(re.findall(r"ID (\S+) (\d+)", out)), re.findall(r"SAM (.*)", out)[0].split()
    server = ServerProcess(BUNDLE, "--accounts", home=home)
    with server, Visitor(server.address) as sam:
        sam.log_in("sam")
        yield World(server, ids, own, sam)


def test_no_form_of_the_admin_gives_a_user_more_rights(world: World):
    ids, before = world.ids, rights(world)
    delete, group = ids["delete_logistic-1"], ids["strong"]
    action = {"action": "delete_selected", "post": "yes"}
    tried = {
        "superuser, oneself": world.oneself(is_superuser="on"),
        "superuser, another": world.user("peer", is_superuser="on"),
        "permission, oneself": world.oneself(user_permissions=delete),
        "permission, another": world.user("peer", user_permissions=delete),
        "general permission": world.user("peer", user_permissions=ids["see_all"]),
        "group, oneself": world.oneself(groups=group),
        "group, another": world.user("peer", groups=group),
        "a group's permissions": world.change(
            f"auth/group/{ids['plain']}/change/", name="plain", permissions=delete
        ),
        "a group for everybody": world.change(
            f"auth/group/{group}/change/", name="Everyone who is logged in"
        ),
        "a new group": world.change("auth/group/add/", name="new", permissions=delete),
        "deleting a group": world.change(f"auth/group/{group}/delete/", post="yes"),
        "deleting groups": world.change("auth/group/", _selected_action=group, **action),
        "deleting a superuser": world.change(f"auth/user/{ids['boss']}/delete/", post="yes"),
        "deleting people": world.change("auth/user/", _selected_action=ids["mighty"], **action),
        "waking somebody up": world.user("idle"),
        "putting a superuser to sleep": world.user("boss", is_active=""),
    }
    password = {"password1": "another-battery-staple", "password2": "another-battery-staple"}
    password |= {"usable_password": "true"}
    for name in ("boss", "mighty", "idle"):
        path = f"auth/user/{ids[name]}/password/"
        tried[f"the password of {name}"] = world.change(path, **password)
        for form in (
            {"email": "sam@example.org", "verified": "on", "primary": "on"},
            {"uid": "4711", "provider": "openid_connect", "extra_data": "{}"},
        ):
            kind = "account/emailaddress" if "email" in form else "socialaccount/socialaccount"
            tried[f"{kind} of {name}"] = world.change(f"{kind}/add/", user=ids[name], **form)
    out = manage(world.server.log.parent, LOOK)

    assert rights(world) == before
    assert "PASSWORD" in out
    assert "False" not in " ".join(re.findall(r"PASSWORD \w+ (\w+)", out))
    assert 500 not in tried.values()
    assert tried["the password of boss"] == 403
    assert tried["account/emailaddress of boss"] == 403
    assert int(re.findall(r"REFUSED (\d+)", out)[0]) >= 3


def test_what_writes_without_a_form_is_refused_just_the_same(world: World):
    out = manage(world.server.log.parent, WRITES)

    assert re.findall(r"DONE (.*)", out) == ["peer joins plain"]
    assert len(re.findall(r"REFUSED", out)) == 14
    assert re.findall(r"ASKED (.*)", out) == ["sam", "boss"]


def test_what_one_has_one_may_pass_on(world: World):
    one, part = world.ids["plain"], world.ids["predict_logistic-1"]
    world.user("peer", user_permissions=part, groups=one)

    assert rights(world)["peer"].endswith("podium.predict_logistic-1")


def test_forms_offer_what_can_be_given_and_show_the_mightier_as_they_are(world: World):
    peer = world.sam.get(f"/admin/auth/user/{world.ids['peer']}/change/").text
    boss = world.sam.get(f"/admin/auth/user/{world.ids['boss']}/change/")

    assert 'name="is_superuser"' not in peer
    assert f'value="{world.ids["predict_logistic-1"]}"' in peer
    assert f'value="{world.ids["delete_logistic-1"]}"' not in peer
    assert ">strong<" not in peer
    assert boss.status_code == 200
    assert "boss" in text_of(boss)
    assert 'name="_save"' not in boss.text
