"""The pages of permissions: users and groups by models, and one of them by all models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from podium.access import ALL, WORDS
from podium.accounts import page, rights
from podium.accounts.rights import HEADINGS, OF_MODELS, Book, Cell, Form, Subject, key_of
from podium.hosts.django.permissions import EVERYONE, PUBLIC, codenames, known_models

# As many cells as Django accepts fields in a form, and as fit on a page of this width.
ROWS_MAX, ACROSS_MAX, DOWN_MAX, CELLS_MAX = 25, 3, 50, 1_000
_MEANT = {EVERYONE: "Every active account", PUBLIC: "Everybody, without an account too"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its name, its description, and its cells in sections.

    Attributes:
        address: of the page about it.
        sections: a name and cells; the name is shown if columns aren't.
    """

    key: str
    name: str
    address: str
    about: Sequence[str]
    sections: Sequence[tuple[str, Sequence[Cell]]]

    @property
    def was(self) -> str:
        """What is currently granted, of what a form may change: sent back with it."""
        cells = [one for _, some in self.sections for one in some]
        return " ".join(one.value for one in cells if one.is_open and one.is_granted)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a long list, with its number."""

    number: int
    n_pages: int

    @property
    def others(self) -> Sequence[int]:
        """The neighbouring parts: the previous and the next."""
        return [n for n in (self.number - 1, self.number + 1) if 1 <= n <= self.n_pages]


def may_look(user: Any) -> bool:
    """Whether a user may view the permissions of users or groups."""
    return bool(user.is_active and user.is_staff and (_sees(user, "group") or _sees(user, "user")))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator] # allauth has no types
def matrix(request: HttpRequest) -> HttpResponse:
    """Groups and users as rows, models as columns."""
    asker = _current_user(request)
    all_models = _models(request)
    who, wanted = (request.GET.get(name, "").strip() for name in ("who", "model"))
    exact = [one for one in all_models if one == wanted]
    models = exact or [one for one in all_models if wanted.lower() in one.lower()]
    people, shown_people = _part(_number(request, "page"), _count(asker, who), ROWS_MAX)
    across, shown_models = _part(_number(request, "models"), len(models), ACROSS_MAX)
    models = [ALL, *models[shown_models]]
    subjects = _subjects(asker, who, shown_people)
    answer = _saved(request, asker, subjects, models)
    if isinstance(answer, HttpResponse):
        return answer
    book, models, status = answer
    lines = [
        _line(one, [(_title(name), book.cells(one, name)) for name in models])
        for one in book.subjects
    ]
    shown = {
        "lines": lines,
        "sections": [(_title(one), one, _headings(one)) for one in models],
        "rights": _rights_of(models),
        "who": who,
        "model": wanted,
        "all_models": all_models,
        "people": people,
        "across": across,
        "is_open": _is_open(lines),
        "moved": _moved(book, models),
    }
    return render(request, "podium_accounts/rights.html", shown, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator] # as above
def of_one(request: HttpRequest, kind: str, pk: str) -> HttpResponse:
    """The permissions of one user or group, and their sources: by model and action."""
    asker = _current_user(request)
    found = rights.with_keys([f"{kind[0]}{pk}"]) if _sees(asker, kind) else []
    if not found:
        raise Http404
    wanted = request.GET.get("model", "").strip()
    all_models = _models(request)
    models = [one for one in all_models if wanted.lower() in one.lower()]
    down, shown_models = _part(_number(request, "models"), len(models), DOWN_MAX)
    models = [ALL, *models[shown_models]]
    answer = _saved(request, asker, found, models)
    if isinstance(answer, HttpResponse):
        return answer
    book, models, status = answer
    subject = book.subjects[0]
    lines = [
        Line(
            key=key_of(subject),
            name=_title(name),
            address="" if name == ALL else _by_model(name),
            about=(),
            sections=[("", book.cells(subject, name))],
        )
        for name in models
    ]
    shown = {
        "subject": subject,
        "kind": kind,
        "about": [one for one in _about(subject) if one != "Group"],
        "joined": _joined(asker, subject),
        "n_joined": User.objects.filter(groups=pk).count() if kind == "group" else 0,
        "sees_groups": _sees(asker, "group"),
        "lines": lines,
        "sections": [("", "", _headings(ALL))],
        "rights": _rights_of(models),
        "model": wanted,
        "all_models": all_models,
        "across": down,
        "is_open": _is_open(lines),
        "moved": _moved(book, models),
        "is_one": True,
    }
    return render(request, "podium_accounts/rights_of.html", shown, status=status)


def _current_user(request: HttpRequest) -> User:
    asker = request.user
    if not may_look(asker):
        raise PermissionDenied
    assert isinstance(asker, User)
    return asker


def _sees(user: Any, kind: str) -> bool:
    return bool(user.has_perm(f"auth.view_{kind}") or user.has_perm(f"auth.change_{kind}"))


def _saved(
    request: HttpRequest, asker: User, subjects: Sequence[Subject], models: list[str]
) -> HttpResponse | tuple[Book, list[str], int]:
    """The redirect after a form was saved; else what to show, of which models, and the status."""
    if request.method != "POST":
        return Book(asker, subjects), models, 200
    form = _form(request, asker)
    if form is None:
        messages.warning(request, "Nothing was saved: the user or group was deleted.")
        return Book(asker, subjects), models, 409
    try:
        n_granted, n_revoked = rights.save(asker, form)
    except rights.Stale as stale:
        ticks = {value: value in form.ticked for value in form.was ^ form.ticked}
        known = codenames(known_models())
        sent = [model for name, (_, model) in known.items() if name in form.rights]
        return Book(asker, form.subjects, ticks, stale.cells), list(dict.fromkeys(sent)), 409
    said = f"Saved: {n_granted} granted, {n_revoked} revoked."
    messages.success(request, said if n_granted + n_revoked else "Nothing was changed.")
    return redirect(request.get_full_path())


def _form(request: HttpRequest, asker: User) -> Form | None:
    """The submitted form; None if a user or a group no longer exists.

    Raises:
        SuspiciousOperation: no page of ours sends this.
    """
    sent = request.POST
    keys, names = set(sent.getlist("row")), set(sent.get("rights", "").split())
    was = frozenset(" ".join(sent.getlist("was")).split())
    ticked = frozenset(sent.getlist("right"))
    is_known = names <= codenames(known_models()).keys() and len(keys) * len(names) <= CELLS_MAX
    if not is_known or not was | ticked <= {f"{key}:{name}" for key in keys for name in names}:
        raise SuspiciousOperation("this isn't one of this site's forms")
    subjects = rights.with_keys(sent.getlist("row"))
    if len(subjects) != len(keys):
        return None
    if not all(_sees(asker, "user" if isinstance(one, User) else "group") for one in subjects):
        raise PermissionDenied
    return Form(subjects, names, was, ticked)


def _models(request: HttpRequest) -> list[str]:
    """Served models, and those for which permissions exist."""
    site, _ = page.site_and_request(request)
    return sorted({*site.deployments, *rights.granted_models()})


def _groups(asker: User, who: str) -> QuerySet[Group]:
    first = When(name__in=(EVERYONE, PUBLIC), then=Value(0))
    place = Case(first, default=Value(1), output_field=IntegerField())
    rows = Group.objects.filter(name__icontains=who) if who else Group.objects.all()
    return rows.order_by(place, "name") if _sees(asker, "group") else rows.none()


def _people(asker: User, who: str) -> QuerySet[User]:
    rows = User.objects.order_by("username")
    for word in who.split():
        fields = ("username", "first_name", "last_name", "email")
        found = Q()
        for one in fields:
            found |= Q(**{f"{one}__icontains": word})
        rows = rows.filter(found)
    return rows if _sees(asker, "user") else rows.none()


def _count(asker: User, who: str) -> int:
    return _groups(asker, who).count() + _people(asker, who).count()


def _subjects(asker: User, who: str, part: slice) -> list[Subject]:
    """Groups, then users, as a single list."""
    groups = _groups(asker, who)
    n_groups = groups.count()
    people = _people(asker, who)[max(part.start - n_groups, 0) : max(part.stop - n_groups, 0)]
    return [*groups[part], *people]


def _part(number: int, n_all: int, n_each: int) -> tuple[Page, slice]:
    n_pages = max(1, -(-n_all // n_each))
    number = min(max(number, 1), n_pages)
    return Page(number, n_pages), slice((number - 1) * n_each, number * n_each)


def _number(request: HttpRequest, name: str) -> int:
    said = request.GET.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else 1


def _line(subject: Subject, sections: Sequence[tuple[str, Sequence[Cell]]]) -> Line:
    return Line(
        key=key_of(subject),
        name=str(subject),
        address=_address(subject),
        about=_about(subject),
        sections=sections,
    )


def _about(subject: Subject) -> list[str]:
    """What determines a subject's permissions besides direct grants."""
    if isinstance(subject, Group):
        return ["Group", *([_MEANT[subject.name]] if subject.name in _MEANT else [])]
    said = [subject.get_full_name()] if subject.get_full_name() else []
    said += ["Superuser: may do everything"] if subject.is_superuser else []
    return said if subject.is_active else [*said, "Disabled: may do nothing"]


def _joined(asker: User, subject: Subject) -> list[tuple[str, str]]:
    """The groups of a user, or the members of a group, if the asker may see users."""
    if isinstance(subject, User):
        groups, sees = Group.objects.filter(user=subject).order_by("name"), _sees(asker, "group")
        return [(one.name, _address(one) if sees else "") for one in groups]
    if not _sees(asker, "user"):
        return []
    people = User.objects.filter(groups=subject).order_by("username")[:DOWN_MAX]
    return [(str(one), _address(one)) for one in people]


def _address(subject: Subject) -> str:
    kind = "user" if isinstance(subject, User) else "group"
    return reverse("podium_rights_of", args=[kind, subject.pk])


def _title(model: str) -> str:
    return "Every model" if model == ALL else model


def _by_model(model: str) -> str:
    return f"{reverse('podium_rights')}?model={model}"


def _headings(model: str) -> list[tuple[str, str]]:
    return [(HEADINGS[one], WORDS[one]) for one in (HEADINGS if model == ALL else OF_MODELS)]


def _rights_of(models: Sequence[str]) -> list[str]:
    """Django's names of the permissions on a page."""
    wanted = set(models)
    return [name for name, (_, model) in codenames(models).items() if model in wanted]


def _is_open(lines: Sequence[Line]) -> bool:
    return any(cell.is_open for one in lines for _, some in one.sections for cell in some)


def _moved(book: Book, models: Sequence[str]) -> list[Mapping[str, str]]:
    """What somebody else changed meanwhile, and who."""
    return [
        {
            "name": str(one),
            "words": cell.words,
            "state": "granted" if cell.is_granted else "revoked",
            "by": rights.changed_by(one, cell.action, model, cell.is_granted),
        }
        for one in book.subjects
        for model in models
        for cell in book.cells(one, model)
        if cell.value in book.moved
    ]
