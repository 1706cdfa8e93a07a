"""`{% framed %}...{% endframed %}`: puts its content into the frame of all pages."""

from __future__ import annotations

from html import unescape

from django import template
from django.conf import settings
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from podium.accounts.page import framed
from podium.accounts.rights_views import may_look

register = template.Library()


class _Framed(Node):
    def __init__(self, title: NodeList, main: NodeList) -> None:
        self._title = title
        self._main = main

    def render(self, context: Context) -> SafeString:
        """The complete page."""
        # The title comes from a block, as escaped HTML; the frame escapes it once more.
        title = " ".join(unescape(self._title.render(context)).split())
        main = self._main.render(context)
        return mark_safe(framed(context["request"], title=title, main=main))  # noqa: S308 - rendered


@register.tag
def titled(parser: Parser, token: Token) -> _Framed:  # noqa: ARG001 - as Django calls it
    """`{% titled %}title{% framed %}content{% endframed %}`."""
    title = parser.parse(("framed",))
    parser.delete_first_token()
    main = parser.parse(("endframed",))
    parser.delete_first_token()
    return _Framed(title, main)


@register.simple_tag(takes_context=True)
def menu(context: Context) -> SafeString:
    """The links to one's account pages, with the current one marked."""
    request = context["request"]
    entries = [
        ("Account", "podium_account"),
        ("Password", "account_change_password"),
        ("Email", "account_email"),
        ("Two-factor", "mfa_index"),
        ("Sessions", "usersessions_list"),
    ]
    if settings.PODIUM_SETTINGS.settings.accounts.oidc:
        entries.append(("Connections", "socialaccount_connections"))
    if may_look(request.user):
        entries.append(("Permissions", "podium_rights"))
    found = [(label, reverse(name)) for label, name in entries]
    # The longest URL that the current page's begins with: pages are below the page of their kind.
    here = max((one for _, one in found if request.path.startswith(one)), key=len, default="")
    return format_html_join(
        "",
        '<a href="{}"{}>{}</a>',
        (
            (address, mark_safe(' aria-current="page"' if address == here else ""), label)  # noqa: S308
            for label, address in found
        ),
    )
