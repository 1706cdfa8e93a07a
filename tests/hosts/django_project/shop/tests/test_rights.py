"""Django's permissions, and what they let people and their tokens do."""

from __future__ import annotations

from types import SimpleNamespace

from django.contrib.auth.models import Group, Permission
from django.test import override_settings

from podium.access import ALL, ANYONE, Action, Actor, allowed
from podium.hosts.django.authority import DjangoAuthority
from podium.hosts.django.models import ServedModel
from podium.hosts.django.permissions import (
    EVERYONE,
    PUBLIC,
    codename,
    codenames,
    make_permissions,
)
from podium.http import Request
from shop.models import Member
from shop.tests.shop_case import ShopCase, permission

MODELS = {"loans": "1", "own": "1", "all_loans": "2"}


class EveryRight:
    """A project's own back end: it knows rights, but keeps them elsewhere."""

    def authenticate(self, request, **credentials):
        return None

    def has_perm(self, user, name, obj=None):
        return user.email == "eve@shop.example" and name == "podium.delete_loans"


def request_by(member: Member | None = None, **headers: str) -> Request:
    return Request("GET", "/", native=SimpleNamespace(user=member), headers=headers)


class Rights(ShopCase):
    def of(self, member: Member) -> Actor:
        # As a request would have it: permissions are remembered by the object.
        return DjangoAuthority(MODELS).of_page(request_by(Member.objects.get(pk=member.pk)))

    def test_migrating_creates_the_permissions_of_the_projects_models_and_the_groups(self):
        there = set(
            Permission.objects.filter(content_type__app_label="podium").values_list(
                "codename", flat=True
            )
        )

        assert set(codenames(["loans"])) <= there
        assert {one.name for one in Group.objects.all()} == {EVERYONE, PUBLIC}

    def test_making_them_again_changes_nothing(self):
        make_permissions(MODELS)
        before = Permission.objects.count()

        make_permissions(MODELS)

        assert Permission.objects.count() == before

    def test_no_permission_of_one_model_looks_like_one_of_another(self):
        names = ["own", "own_x", "all", "all_x", "token", "x_y", "apitoken", "auditentry"]
        told = [codename(action, name) for action in Action for name in (*names, ALL)]
        djangos = {f"{verb}_{name}" for verb in ("add", "change", "view") for name in names}

        assert len(set(told)) == len(told)
        assert not djangos & set(told)

    def test_a_right_for_one_model_is_none_for_another(self):
        make_permissions(MODELS)
        cleo = self.of(self.member("cleo@shop.example", "predict_loans", "see_own_own"))

        assert cleo.grants == {
            "loans": frozenset({Action.PREDICT}),
            "own": frozenset({Action.SEE_OWN}),
        }

    def test_a_right_of_a_group_counts_for_its_members(self):
        group = Group.objects.create(name="analysts")
        group.permissions.add(permission("see_all_loans"))
        dan = self.member("dan@shop.example")
        dan.groups.add(group)

        assert allowed(self.of(dan), Action.SEE, "loans")
        assert not allowed(self.of(dan), Action.SEE, "own")

    def test_what_everyone_is_granted_counts_once_one_is_logged_in(self):
        Group.objects.get(name=EVERYONE).permissions.add(permission("predict_loans"))
        ben = self.member("ben@shop.example")

        nobody = DjangoAuthority(MODELS).of_page(request_by())

        assert allowed(self.of(ben), Action.PREDICT, "loans")
        assert not allowed(nobody, Action.PREDICT, "loans")

    def test_what_the_public_is_granted_counts_for_all(self):
        Group.objects.get(name=PUBLIC).permissions.add(permission("predict_loans"))
        ben = self.member("ben@shop.example")

        nobody = DjangoAuthority(MODELS).of_api(request_by())

        assert allowed(nobody, Action.PREDICT, "loans")
        assert not nobody.is_known
        assert allowed(self.of(ben), Action.PREDICT, "loans")

    def test_a_group_that_somebody_renamed_counts_no_more(self):
        group = Group.objects.get(name=PUBLIC)
        group.permissions.add(permission("predict_loans"))
        group.name = "Once the public"
        group.save()

        assert DjangoAuthority(MODELS).of_api(request_by()).grants == {}

    def test_a_superuser_may_all_and_nothing_once_inactive(self):
        ada = self.member("ada@shop.example", is_superuser=True)
        assert self.of(ada).grants == dict(ANYONE.grants)

        ada.is_active = False
        ada.save()

        assert self.of(ada).grants == {}

    def test_rights_that_another_back_end_knows_count(self):
        eve = self.member("eve@shop.example")
        here = f"{__name__}.{EveryRight.__name__}"

        with override_settings(AUTHENTICATION_BACKENDS=[here]):
            actor = self.of(eve)

        assert actor.grants == {"loans": frozenset({Action.DELETE})}

    def test_the_first_question_writes_down_which_versions_are_served(self):
        DjangoAuthority(MODELS).of_page(request_by())

        told = set(ServedModel.objects.values_list("name", "version"))
        assert told == set(MODELS.items())
        assert Permission.objects.filter(codename="delete_all_loans").count() == 1


class Owners(ShopCase):
    def test_a_name_that_is_an_id_and_a_name_made_anew_own_nothing_of_others(self):
        cleo = self.member("cleo@shop.example", "see_own_loans")
        first = DjangoAuthority(MODELS).of_page(request_by(cleo))
        named_so = self.member(f"user:{cleo.pk}@shop.example", "see_own_loans")
        cleo.delete()
        again = self.member("cleo@shop.example", "see_own_loans")

        owners = [
            DjangoAuthority(MODELS).of_page(request_by(who)).owner for who in (named_so, again)
        ]

        assert first.owner == f"user:{first.id.removeprefix('user:')}"
        assert first.owner not in owners
        assert len(set(owners)) == 2
