"""Who the visitor of this session is, and what they may do. Pages ask `barred` before they offer something, and the
action itself asks `require`: what a page shows protects nothing."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import uuid
from collections.abc import Mapping
from typing import Any

import streamlit as st

from invlab import roles
from invlab.roles import Refused, Role, SignIns, Visitor
from invlab.rooms import Room, RoomError
from invlab.ui import cached
from invlab.ui.page import escaped, sentence


def visitor_id() -> str:
    """The browser, known again after a reload by the cookie that Streamlit gives it anyway (hashed), or this session
    where there is no cookie. Only that browser knows the cookie, so nobody can say they are another."""
    if "visitor" not in st.session_state:
        token = _cookie_token(st.context.cookies.get("_streamlit_xsrf", ""))
        st.session_state["visitor"] = hashlib.sha256(token).hexdigest()[:32] if token else uuid.uuid4().hex
    return st.session_state["visitor"]


def _cookie_token(cookie: str) -> bytes:
    """The constant part of a cookie `2|mask|masked token|time`, whose mask changes at each visit; b'' for others."""
    try:
        version, mask, masked, _ = cookie.split("|")
        key, token = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return b""
    return bytes(b ^ k for b, k in zip(token, itertools.cycle(key), strict=False)) if version == "2" and key else b""


def current() -> Visitor:
    """Raises ValueError where the server's own configuration is wrong."""
    who, mode = visitor_id(), roles.mode()
    if mode == "view":
        return Visitor(who, Role.VIEWER, ())
    if here() or is_signed_in() or _is_teacher_by_login():
        return Visitor(who, Role.TEACHER)
    if (room := _room_of(who)) is not None:
        return Visitor(who, Role.STUDENT, room.presets)
    if roles.visitors_are_students():
        return Visitor(who, Role.STUDENT)
    return Visitor(who, Role.VIEWER, ())


def _room_of(who: str) -> Room | None:
    """The room that a visitor is in; none while the list of rooms cannot be used, which the page Classroom tells."""
    with contextlib.suppress(RoomError):
        return cached.the_rooms().room_of(who)
    return None


def here() -> bool:
    """Whether the visitor sits at this machine, or everybody counts as if they did: its paths are their business."""
    mode = roles.mode()
    return mode == "local" or (mode == "auto" and roles.is_here(_connection(), st.context.headers))


def require(action: str) -> Visitor:
    """The visitor, who may do the action. Raises Refused."""
    visitor = current()
    roles.check(visitor, action)
    _check_home()
    return visitor


def require_run(preset: str | None, seconds: float) -> Visitor:
    """The visitor, who may start a run of that preset (None: it has none) and expected seconds. Raises Refused."""
    visitor = current()
    roles.check_run(visitor, preset, seconds)
    _check_home()
    return visitor


def _check_home() -> None:
    """Nothing is asked for that could not be stored: a newer version of the lab has written what is kept here."""
    if cached.refusal() is not None:
        raise Refused("a newer version of the lab has written what is kept here: bring this installation up to date")


def barred(action: str) -> str | None:
    """Why the visitor may not do the action, as a sentence; None if they may."""
    try:
        require(action)
    except Refused as why:
        return sentence(why)
    return None


def may(action: str) -> bool:
    return barred(action) is None


# --------------------------------------------------------------------------------------------------------- signing in


@st.cache_resource(show_spinner=False)
def _sign_ins() -> SignIns:
    return SignIns()


def is_signed_in() -> bool:
    """Whether the visitor has given the passphrase."""
    return roles.exists() and _sign_ins().is_signed_in(visitor_id())


def _secrets() -> Mapping[str, Any]:
    """What the server's secrets file says; nothing where there is none."""
    try:
        return dict(st.secrets)
    except (FileNotFoundError, st.errors.StreamlitAPIException):
        return {}


def _passphrase() -> str | None:
    told = _secrets().get("passphrase")
    return roles.passphrase(told if isinstance(told, str) else None)


def _login_is_configured() -> bool:
    return isinstance(_secrets().get("auth"), Mapping)


def _is_teacher_by_login() -> bool:
    if not _login_is_configured():
        return False
    named = _secrets().get("teachers") or os.environ.get("INVLAB_TEACHERS", "").split(",")
    return roles.is_teacher_by_login(st.user.to_dict(), [named] if isinstance(named, str) else list(named))


def _address() -> str:
    """Of the visitor: what the proxy before this server, if any, has added last, and the connection's own."""
    forwarded = (st.context.headers.get("X-Forwarded-For") or "").rpartition(",")[2].strip()
    return f"{_connection()} {forwarded}"


def _connection() -> str | None:
    """The address of the connection's other end; None for this machine, and in a test without a connection."""
    found = st.context.ip_address
    return found if isinstance(found, str) else None


def _sign_in() -> None:
    given = st.session_state.pop("passphrase", "")
    try:
        _sign_ins().sign_in(visitor_id(), _address(), given, _passphrase())
    except (Refused, ValueError, roles.SignInError) as why:
        st.session_state["not-signed-in"] = sentence(why)


def _sign_out() -> None:
    if _is_teacher_by_login():
        st.logout()
    if roles.exists():
        _sign_ins().sign_out(visitor_id())


def sign_in() -> None:
    """Where a teacher signs in, or out again; nothing for the person at this machine, or where nothing can be done."""
    if roles.mode() == "view" or here():
        return
    if is_signed_in() or _is_teacher_by_login():
        st.markdown("You are signed in as a **teacher**.")
        st.button("Sign out", icon=":material/logout:", on_click=_sign_out, key="sign-out")
        return
    with st.form("sign-in", border=True):
        st.text_input("Passphrase", type="password", key="passphrase", max_chars=200, autocomplete="current-password")
        st.form_submit_button("Sign in as a teacher", icon=":material/login:", on_click=_sign_in)
    if why := st.session_state.pop("not-signed-in", None):
        st.error(escaped(why), icon=":material/lock:")
    if _login_is_configured():
        st.button("Sign in with your school’s account", icon=":material/badge:", on_click=st.login, key="login")
