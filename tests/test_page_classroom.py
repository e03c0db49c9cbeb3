"""The page Classroom: joining, the teacher's desk, the view for the projector, and what students of a room may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab.lessons.course import LESSONS
from invlab.lessons.lesson import Guess
from invlab.roles import Role
from invlab.rooms import Room, RoomError, Rooms
from invlab.ui import classroom, desk
from tests.pages import SECONDS, apart, charts, served, texts

ROOT = Path(__file__).parents[1]
NASTY = "<img src=x onerror=alert(1)> [b](x) $y$"
GUESSED = next(lesson for lesson in LESSONS.values() if isinstance(lesson.prediction, Guess))
CHOSEN = next(lesson for lesson in LESSONS.values() if not isinstance(lesson.prediction, Guess))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Links between pages are shown as text; visitors are served, unless a test says otherwise."""

    def link(page, label="", query_params=None, **rest):
        st.text(f"{page}: {label} {query_params or ''}")

    monkeypatch.setattr(st, "page_link", link)
    served(monkeypatch, Role.VIEWER)
    yield from apart(tmp_path, monkeypatch, ROOT / "models")


@pytest.fixture
def rooms(place: Path) -> Rooms:
    return Rooms()


@pytest.fixture
def room(rooms: Rooms) -> Room:
    return rooms.open("Physics 11b", by="teacher", is_teacher=True)


def opened(who: str, page: str = "classroom", **link: str) -> AppTest:
    """The page as the visitor `who` opens it."""
    test = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=SECONDS)
    test.session_state["visitor"] = who
    for name, value in link.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def words(test: AppTest) -> str:
    return "\n".join(
        [texts(test), *(e.value for e in [*test.error, *test.success, *test.text, *test.header, *test.subheader])]
    )


def button(test: AppTest, label: str):
    return next(found for found in test.button if found.label == label)


def labels(test: AppTest) -> list[str]:
    return [found.label for found in test.button]


def as_teacher(monkeypatch: pytest.MonkeyPatch, **link: str) -> AppTest:
    served(monkeypatch, Role.TEACHER)
    return opened("teacher", **link)


def unescaped_markup(test: AppTest) -> set[str]:
    """Signs of markup that a text on the page would be read for, beyond what is escaped."""
    found: set[str] = set()
    for element in [*test.markdown, *test.caption, *test.error, *test.info, *test.warning, *test.success]:
        if "onerror" in element.value:
            found |= {"<", "[", "$"} & set(re.sub(r"\\.", "", element.value))
    return found


# ---- students


def test_a_student_joins_by_code_and_leaves(rooms: Rooms, room: Room) -> None:
    page = opened("ann")
    page.text_input(key="join-code").set_value(f" {room.code.lower()} ")
    page.text_input(key="join-name").set_value("Ann")
    button(page, "Join").click().run()
    assert f"You are in room **{room.code}**, Physics 11b, as **Ann**" in words(page)
    assert rooms.member("ann").name == "Ann"
    button(page, "Leave the room").click().run()
    assert rooms.member("ann") is None
    assert "Room code" in [field.label for field in page.text_input]


def test_a_link_fills_the_code_in_but_does_not_join(rooms: Rooms, room: Room) -> None:
    page = opened("ann", join=room.code)
    assert page.text_input(key="join-code").value == room.code
    assert rooms.members(room.code) == []
    button(page, "Join").click().run()
    assert "as **Student 1**" in words(page)
    page.text_input(key="rename-1").set_value("Ann")
    button(page, "Change my name").click().run()
    assert rooms.member("ann").name == "Ann"


@pytest.mark.parametrize("code", ["CCCCCC", "<script>", "", "' OR 1=1 --", "../../etc/passwd"])
def test_a_forged_code_is_refused_in_a_sentence(rooms: Rooms, room: Room, code: str) -> None:
    page = opened("eve", join=code)
    button(page, "Join").click().run()
    assert not page.exception
    (error,) = [e.value for e in page.error]
    assert "No room is open under this code" in error or "it has 6 letters and digits" in error
    assert not {"<"} & set(re.sub(r"\\.", "", error))
    assert rooms.member("eve") is None


def test_the_links_of_a_teacher_open_nothing_to_others(rooms: Rooms, room: Room) -> None:
    for link in ({"desk": room.code}, {"present": room.code}):
        page = opened("eve", **link)
        assert "Room code" in [field.label for field in page.text_input]
        assert room.title not in words(page)
        assert "Reveal for all" not in labels(page)


def test_a_name_is_never_rendered(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms.join(room.code, NASTY, by="ann")
    rooms.update(room.code, is_teacher=True, title=NASTY, lesson=GUESSED.name)
    page = opened("ann")
    assert "onerror" in words(page)
    assert unescaped_markup(page) == set()
    for link in ({}, {"desk": room.code}, {"present": room.code}):
        page = as_teacher(monkeypatch, **link)
        if "present" in link:
            assert "onerror" not in words(page)  # no names, unless chosen
            page.toggle(key="room-names").set_value(True).run()
        assert "onerror" in words(page)
        assert unescaped_markup(page) == set()


def test_where_only_results_are_shown_there_are_no_rooms(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_MODE", "view")
    page = opened("ann", join="CCCCCC")
    assert "it has no rooms" in words(page)
    assert not page.text_input
    assert not (place / "rooms.sqlite3").exists()


def test_a_list_of_rooms_that_cannot_be_used_closes_no_page(
    rooms: Rooms, room: Room, kept_page, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.join(room.code, by="ann")

    def broken(self, by: str):
        raise RoomError("the list of rooms in x cannot be used: the disk is full")

    monkeypatch.setattr(Rooms, "room_of", broken)
    assert "runs is open" in words(in_app("ann"))
    assert "the disk is full" in words(opened("ann"))
    assert not opened("ann", "lessons").exception


# ---- answering in a lesson


def in_lesson(who: str, step: str = "Predict", lesson: str = GUESSED.name) -> AppTest:
    return opened(who, "lessons", lesson=lesson, step=step)


def test_answers_wait_for_the_reveal(rooms: Rooms, room: Room) -> None:
    for who in ("ann", "ben"):
        rooms.join(room.code, by=who)
    page = in_lesson("ann")
    assert "Show me without guessing" not in labels(page)
    low = page.slider(key=f"guess-{GUESSED.name}").min
    page.slider(key=f"guess-{GUESSED.name}").set_value(low)
    button(page, "This is my guess").click().run()
    assert "Your prediction is in" in words(page)
    assert charts(page) == []  # neither the truth nor the others'
    page.slider(key=f"guess-{GUESSED.name}").set_value(page.slider(key=f"guess-{GUESSED.name}").max)
    button(page, "Change my guess").click().run()
    assert rooms.answers(room.code, GUESSED.name) == [float(GUESSED.prediction.high)]
    assert rooms.member("ann").lesson == GUESSED.name
    rooms.reveal(room.code, GUESSED.name, is_teacher=True)
    page = in_lesson("ann", "Reveal")
    assert "You said" in words(page)
    assert len(charts(page)) == 2
    late = in_lesson("ben")
    assert "predictions are no longer taken" in words(late)
    assert button(late, "This is my guess").disabled


def test_everyones_answers_are_shown_with_the_truth(rooms: Rooms, room: Room) -> None:
    for number, option in enumerate(CHOSEN.prediction.options[:2]):
        rooms.join(room.code, by=f"s{number}")
        rooms.answer(CHOSEN.name, option, by=f"s{number}")
    rooms.reveal(room.code, CHOSEN.name, is_teacher=True)
    page = in_lesson("s0", "Reveal", CHOSEN.name)
    predicted = next(table.value for table in page.dataframe if "chosen by" in table.value)
    assert predicted["chosen by"].sum() == 2
    assert predicted["yours"].sum() == 1
    assert predicted["measured"].sum() == 1


def test_a_frozen_room_refuses_though_the_page_is_old(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    page = in_lesson("ann")
    rooms.update(room.code, is_teacher=True, frozen=True)
    button(page, "This is my guess").click().run()
    assert "The room is frozen" in words(page)
    assert "no predictions are taken just now" in words(page)
    assert page.slider(key=f"guess-{GUESSED.name}").disabled
    assert rooms.answers(room.code, GUESSED.name) == []


@pytest.mark.parametrize("forged", [1e9, -1.0, float("nan"), "<b>"])
def test_a_forged_answer_is_refused(rooms: Rooms, room: Room, forged: float | str) -> None:
    def giving() -> None:
        import streamlit as st

        from invlab.ui import lesson

        lesson.give(st.session_state["which"], "forged")
        st.text(st.session_state.get("lesson-refused", "taken"))

    rooms.join(room.code, by="ann")
    page = AppTest.from_function(giving)
    for name, value in (("visitor", "ann"), ("forged", forged), ("which", GUESSED.name)):
        page.session_state[name] = value
    assert "give a number from" in page.run().text[0].value
    assert rooms.answers(room.code, GUESSED.name) == []


def test_at_their_own_pace_students_see_it_after_their_answer(rooms: Rooms, room: Room) -> None:
    rooms.update(room.code, is_teacher=True, together=False)
    rooms.join(room.code, by="ann")
    page = in_lesson("ann")
    assert "Show me without guessing" in labels(page)
    button(page, "This is my guess").click().run()
    assert "You said" in words(page)


# ---- what follows from a room


def test_a_member_is_a_student_with_the_presets_of_the_room(rooms: Rooms, room: Room) -> None:
    def whoami() -> None:
        import streamlit as st

        from invlab.ui import visitors

        found = visitors.current()
        st.text(f"{found.role.name} {found.presets}")

    def told(who: str) -> str:
        test = AppTest.from_function(whoami)
        test.session_state["visitor"] = who
        return test.run().text[0].value

    rooms.join(room.code, by="ann")
    assert told("ann") == "STUDENT ('live',)"
    rooms.update(room.code, is_teacher=True, presets=["live", "classroom"])
    assert told("ann") == "STUDENT ('live', 'classroom')"
    assert told("eve") == "VIEWER ()"
    rooms.delete(room.code, is_teacher=True)
    assert told("ann") == "VIEWER ()"


def navigated() -> None:
    """What app.py does, with two pages."""
    import streamlit as st

    from invlab.ui import classroom

    class Page:
        def __init__(self, path: str, **rest: str) -> None:
            self.url_path = path.removeprefix("pages/").removesuffix(".py")
            self.title, self.icon, self.visibility = "T", "", rest.get("visibility", "visible")

    st.Page = Page
    listed = classroom.pages_for({"All": [Page("pages/transfer.py"), Page("pages/runs.py")]})["All"]
    classroom.banner()
    if not classroom.refused("runs"):
        st.text("runs is open")
    st.text(" ".join(found.visibility for found in listed))
    st.text(f"hidden controls: {classroom.controls_hidden()}")


def in_app(who: str) -> AppTest:
    test = AppTest.from_function(navigated)
    test.session_state["visitor"] = who
    test.run()
    assert not test.exception
    return test


@pytest.fixture
def kept_page() -> Iterator[None]:
    kept = st.Page
    yield
    st.Page = kept


def test_hidden_pages_leave_the_menu_and_do_not_open(
    rooms: Rooms, room: Room, kept_page, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.join(room.code, by="ann")
    assert "runs is open" in words(in_app("ann"))
    rooms.update(room.code, is_teacher=True, hidden=["runs"], controls_hidden=True, lesson=GUESSED.name)
    page = in_app("ann")
    assert "Your teacher has hidden this page" in words(page)
    assert "runs is open" not in words(page)
    assert "visible hidden" in words(page)
    assert "hidden controls: True" in words(page)
    assert f"Room **{room.code}** · the teacher is at lesson" in words(page)
    assert "runs is open" in words(in_app("eve"))  # in no room
    served(monkeypatch, Role.TEACHER)
    assert "runs is open" in words(in_app("ann"))
    assert "hidden controls: False" in words(in_app("ann"))


def test_hidden_controls_are_out_of_sight_and_keep_what_the_link_says(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")

    def hidden(page: AppTest) -> bool:
        return any("st-key-more-choices { display: none" in found.proto.body for found in page.get("html"))

    assert not hidden(opened("ann", "transfer"))
    rooms.update(room.code, is_teacher=True, controls_hidden=True)
    page = opened("ann", "transfer", seed="3")
    assert hidden(page)
    assert page.number_input(key="seed").value == 3


def test_one_whose_room_is_closed_is_told(rooms: Rooms, room: Room, kept_page) -> None:
    rooms.join(room.code, by="ann")
    page = in_app("ann")
    rooms.delete(room.code, is_teacher=True)
    page.run()
    assert "You are in no room any more" in words(page)


# ---- teachers


def test_a_teacher_opens_a_room_and_finds_it_again(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    page = as_teacher(monkeypatch)
    page.text_input(key="room-title").set_value("Physics 11b")
    page.number_input(key="room-days").set_value(3)
    button(page, "Open a room").click().run()
    assert not page.exception
    (room,) = rooms.rooms_of("teacher")
    assert room.expires - room.created == 3 * 86400
    assert "Reveal for all" in labels(page)  # at its desk
    assert f"{room.code}" in words(as_teacher(monkeypatch))


def test_a_room_without_a_title_is_not_opened(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    page = as_teacher(monkeypatch)
    button(page, "Open a room").click().run()
    assert "Title: it is empty" in words(page).replace("\\", "")
    assert rooms.rooms_of("teacher") == []


@pytest.mark.parametrize("name", ["desk", "present"])
@pytest.mark.parametrize("code", ["CCCCCC", "<img src=x>", "x" * 500])
def test_a_forged_link_to_a_desk_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, code: str) -> None:
    page = as_teacher(monkeypatch, **{name: code})
    assert len(page.error) == 1
    assert "<" not in re.sub(r"\\.", "", page.error[0].value)
    assert len(page.error[0].value) < 400


def test_the_desk_leads(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms.join(room.code, "Ann", by="ann")
    page = as_teacher(monkeypatch, desk=room.code)
    assert button(page, "Reveal for all").disabled
    page.selectbox(key="room-lesson").set_value(GUESSED.name).run()
    assert rooms.room(room.code).lesson == GUESSED.name
    rooms.answer(GUESSED.name, GUESSED.prediction.low, by="ann")
    rooms.see("ann", GUESSED.name, 2)
    page.run()
    assert "1 student, 1 here now · 1 answered this lesson" in words(page)
    members = next(table.value for table in page.dataframe if "student" in table.value)
    assert members.iloc[0].to_dict() == {
        "student": "1 · Ann",
        "is at": f"lesson {list(LESSONS).index(GUESSED.name) + 1}, predict",
        "this": "✓",
        "all": 1,
        "seen": "now",
    }
    assert "measured" not in str(charts(page))
    button(page, "Reveal for all").click().run()
    assert rooms.room(room.code).revealed == (GUESSED.name,)
    assert "measured" in str(charts(page))
    button(page, "Clear the answers").click().run()
    assert rooms.room(room.code).revealed == ()
    assert rooms.answers(room.code, GUESSED.name) == []


def test_the_switches_of_the_desk_do_what_they_say(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    page = as_teacher(monkeypatch, desk=room.code)
    for name in ("frozen", "locked", "together", "controls_hidden"):
        before = getattr(rooms.room(room.code), name)
        page.toggle(key=f"room-{name}").set_value(not before).run()
        assert getattr(rooms.room(room.code), name) is not before
    page.session_state[classroom.TITLES] = {"home": "Home", "runs": "Runs", "transfer": "Transfer"}
    page.run()
    assert page.multiselect(key="room-hidden").options == ["Runs", "Transfer"]
    page.multiselect(key="room-hidden").set_value(["runs"]).run()
    page.multiselect(key="room-presets").set_value([]).run()
    changed = rooms.room(room.code)
    assert (changed.hidden, changed.presets) == (("runs",), ())


def test_a_student_is_removed(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms.join(room.code, "Ann", by="ann")
    rooms.join(room.code, by="ben")
    page = as_teacher(monkeypatch, desk=room.code)
    page.selectbox(key="room-remove").set_value(1).run()
    button(page, "Remove").click().run()
    assert [member.number for member in rooms.members(room.code)] == [2]


def test_a_room_is_closed_after_asking_once(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms.join(room.code, "Vanish", by="ann")
    page = as_teacher(monkeypatch, desk=room.code)
    button(page, "Close the room…").click().run()
    assert rooms.room(room.code) == room
    button(page, "Close and delete everything").click().run()
    assert not page.exception
    with pytest.raises(RoomError):
        rooms.room(room.code)
    assert "deleted" in page.toast[0].value
    assert "Open a room" in labels(page)


def test_one_who_is_no_teacher_any_more_changes_nothing(
    rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = as_teacher(monkeypatch, desk=room.code)
    served(monkeypatch, Role.STUDENT)
    page.toggle(key="room-frozen").set_value(True).run()
    assert rooms.room(room.code) == room


def test_the_projector_shows_how_to_join_the_question_and_the_answer(
    rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.join(room.code, "Ann", by="ann")
    page = as_teacher(monkeypatch, present=room.code)
    assert "1 student in the room" in words(page)
    rooms.update(room.code, is_teacher=True, lesson=CHOSEN.name)
    rooms.answer(CHOSEN.name, CHOSEN.prediction.options[0], by="ann")
    page.run()
    assert "**1 of 1** have answered" in words(page)
    assert page.markdown[-1].value.count("- ") == len(CHOSEN.prediction.options)
    assert "Ann" not in words(page)
    assert charts(page) == []
    rooms.reveal(room.code, CHOSEN.name, is_teacher=True)
    page.run()
    assert len(charts(page)) == 2
    page.toggle(key="room-names").set_value(True).run()
    assert "1 · Ann" in words(page)


# ---- the address


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("http://192.168.1.20:8501/classroom", "http://192.168.1.20:8501/classroom?join=CCCCCC"),
        ("https://school.example/lab/classroom", "https://school.example/lab/classroom?join=CCCCCC"),
        ("http://192.168.1.20:8501/", "http://192.168.1.20:8501/classroom?join=CCCCCC"),
        ("http://localhost:8501/classroom", None),
        ("http://127.0.0.1:8501/", None),
        ("http://[::1]:8501/", None),
        ("javascript:alert(1)", None),
        ("http://:8501/", None),
        ("http://[bad/", None),
        ("", None),
    ],
)
def test_the_address_for_students(base: str, address: str | None) -> None:
    assert desk.address_of(base, "CCCCCC") == address


def test_the_qr_code_needs_nothing_from_elsewhere() -> None:
    svg = desk.qr("https://school.example/lab/classroom?join=CCCCCC")
    assert svg.startswith("<svg")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert "#000" in svg


def test_the_qr_code_is_shown_for_a_typed_address(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    page = as_teacher(monkeypatch, desk=room.code)
    assert "works on this computer only" in words(page)
    page.text_input(key="room-address").set_value("192.168.1.20:8501").run()
    assert f"`http://192.168.1.20:8501/classroom?join={room.code}`" in words(page)
    assert len(page.get("image")) == 1
