"""A class in a real headless Chromium: a teacher and two students, each in a browser of their own."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from invlab.lessons.course import LESSONS
from invlab.lessons.lesson import Choice, Lesson
from invlab.rooms import Rooms
from tests.browser import App, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]
LONG = 60_000  # milliseconds, on a busy machine
SOON = 20_000  # for what comes by itself: pages ask the room every two seconds, then draw beside the server
PASSPHRASE = "a phrase for the test"  # noqa: S105
NASTY = "<b onclick=alert(1)>Zoë</b> *x*"


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    served = App(tmp_path_factory.mktemp("home"), INVLAB_MODE="serve", INVLAB_PASSPHRASE=PASSPHRASE, INVLAB_WORKER="0")
    yield served
    served.stop()


@pytest.fixture
def visit(browser: Browser, app: App):
    """A function that opens a page of the app in a browser of its own."""
    contexts = []

    def opened(path: str) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.goto(f"{app.url}/{path}")
        settle(page, 60)
        return page

    yield opened
    for context in contexts:
        context.close()


def no_fault(*pages: Page) -> None:
    for page in pages:
        expect(page.locator("[data-testid=stException]")).to_have_count(0)


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click(timeout=LONG)


def open_room(teacher: Page) -> str:
    """Sign in, open a room; its code."""
    teacher.get_by_text("For teachers").click()
    teacher.get_by_role("textbox", name="Passphrase").fill(PASSPHRASE)
    click(teacher, "Sign in as a teacher")
    teacher.get_by_role("textbox", name="Title").fill("Physics 11b")
    click(teacher, "Open a room")
    expect(teacher.get_by_role("button", name="Reveal for all")).to_be_visible(timeout=LONG)
    found = re.search(r"desk=(\w{6})", teacher.url)
    assert found is not None
    return found[1]


def join(student: Page, code: str, name: str = "") -> None:
    expect(student.get_by_role("textbox", name="Room code")).to_have_value(code, timeout=LONG)
    if name:
        student.get_by_role("textbox", name="Your name").fill(name)
    click(student, "Join")
    expect(student.get_by_role("button", name="Leave the room")).to_be_visible(timeout=LONG)


def choose_lesson(teacher: Page, lesson: Lesson) -> None:
    """Everybody to a lesson, by the keyboard: the list is longer than the screen."""
    place = list(LESSONS).index(lesson.name) + 1
    teacher.get_by_role("combobox", name="Everybody to lesson").fill(f"{place} · {lesson.title}")
    teacher.keyboard.press("Enter")


def answer(student: Page, lesson: Lesson, number: int) -> None:
    """Follow the teacher to the lesson and answer it, each student otherwise."""
    told = f"the teacher is at lesson {list(LESSONS).index(lesson.name) + 1}:"
    expect(student.get_by_test_id("stMain").get_by_text(told)).to_be_visible(timeout=LONG)
    student.get_by_role("link", name="Go there").click()
    expect(student.get_by_role("heading", name=lesson.title, exact=True)).to_be_visible(timeout=LONG)
    student.get_by_role("radio", name="Predict").or_(student.get_by_role("button", name="Predict")).first.click()
    if isinstance(lesson.prediction, Choice):
        option = student.locator("[data-testid=stRadio] label").filter(has_text=lesson.prediction.options[number])
        option.first.click(timeout=LONG)
        click(student, "This is my answer")
    else:
        slider = student.get_by_test_id("stSlider").get_by_role("slider")
        expect(slider).to_be_visible(timeout=LONG)
        slider.focus()
        student.keyboard.press("ArrowLeft" if number else "ArrowRight")
        student.wait_for_timeout(300)
        click(student, "This is my guess")
    expect(student.get_by_text("Your prediction is in")).to_be_visible(timeout=LONG)
    expect(student.get_by_text("You said")).to_have_count(0)


def measured_shown(student: Page, timeout: float = LONG) -> None:
    """The student's own prediction beside the truth, and both figures."""
    expect(student.get_by_text("You said")).to_be_visible(timeout=timeout)
    expect(student.get_by_text("What was predicted").first).to_be_visible(timeout=timeout)
    expect(student.get_by_text("measured").first).to_be_visible(timeout=timeout)


def wait_until(happened, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def test_a_lesson_with_a_class(visit, app: App) -> None:
    lesson = LESSONS["data"]
    rooms = Rooms(app.home / "rooms.sqlite3")
    teacher = visit("classroom")
    code = open_room(teacher)
    students = [visit(f"classroom?join={code}") for _ in range(2)]
    join(students[0], code, NASTY)
    join(students[1], code)
    wall = teacher.context.new_page()
    wall.goto(f"{app.url}/classroom?present={code}")
    expect(wall.get_by_text("2 students in the room")).to_be_visible(timeout=LONG)
    choose_lesson(teacher, lesson)
    for number, student in enumerate(students):
        answer(student, lesson, number)
    assert len(rooms.answers(code, lesson.name)) == 2
    expect(wall.get_by_text("2 of 2 have answered")).to_be_visible(timeout=LONG)
    expect(teacher.get_by_text("2 answered this lesson")).to_be_visible(timeout=LONG)
    expect(wall.get_by_text("Zoë")).to_have_count(0)

    click(teacher, "Reveal for all")
    began = time.monotonic()
    for page in students:
        measured_shown(page, SOON)  # nobody has to do anything
    print(f"revealed to both after {time.monotonic() - began:.1f} s")
    expect(wall.get_by_text("and what was measured")).to_be_visible(timeout=LONG)

    # Frozen: the next lesson takes no answer, and says so within two seconds or so.
    teacher.get_by_text("Freeze: take no answers").click()
    expect(students[0].get_by_text("frozen: no answers now")).to_be_visible(timeout=LONG)
    students[0].goto(f"{app.url}/lessons?lesson=carry&step=Predict")
    expect(students[0].get_by_text("no predictions are taken just now")).to_be_visible(timeout=LONG)
    # A reload keeps one in the room, a forged code does not get one into another.
    students[1].goto(f"{app.url}/classroom?join=CCCCCC")
    expect(students[1].get_by_role("button", name="Leave the room")).to_be_visible(timeout=LONG)
    # A hidden page leaves the menu of the students, and does not open.
    rooms.update(code, is_teacher=True, hidden=["runs"])
    menu = students[0].get_by_test_id("stSidebarNav")
    expect(menu.get_by_text("Runs", exact=True)).to_have_count(0, timeout=LONG)
    students[0].goto(f"{app.url}/runs")
    expect(students[0].get_by_text("Your teacher has hidden this page")).to_be_visible(timeout=LONG)
    no_fault(teacher, wall, *students)

    click(teacher, "Close the room…")
    click(teacher, "Close and delete everything")
    for student in students:
        expect(student.get_by_text("You are in no room any more")).to_be_visible(timeout=LONG)
    assert "Zoë".encode() not in b"".join(p.read_bytes() for p in app.home.glob("rooms.sqlite3*"))
    no_fault(teacher, wall, *students)


def test_a_teacher_goes_between_desk_and_projector(visit) -> None:
    teacher = visit("classroom")
    code = open_room(teacher)
    for link, shown, address in (
        ("View for the projector", "Show names", f"present={code}"),
        ("To the desk", "The class", f"desk={code}"),
        ("All my rooms", "Your rooms", ""),
        ("To the desk", "The class", f"desk={code}"),
    ):
        teacher.get_by_role("link", name=link).first.click()
        expect(teacher.get_by_text(shown, exact=True)).to_be_visible(timeout=LONG)
        wait_until(lambda: teacher.url.partition("?")[2] == address, 10)  # noqa: B023 - called at once
        teacher.reload()
        settle(teacher, 60)
        expect(teacher.get_by_text(shown, exact=True)).to_be_visible(timeout=LONG)
    no_fault(teacher)


def test_every_lesson_with_a_class(visit, app: App) -> None:
    teacher = visit("classroom")
    code = open_room(teacher)
    students = [visit(f"classroom?join={code}") for _ in range(2)]
    for student in students:
        join(student, code)
    rooms = Rooms(app.home / "rooms.sqlite3")
    for lesson in LESSONS.values():
        choose_lesson(teacher, lesson)
        wait_until(lambda: rooms.room(code).lesson == lesson.name)  # noqa: B023 - called at once
        for number, student in enumerate(students):
            answer(student, lesson, number)
        click(teacher, "Reveal for all")
        for student in students:
            measured_shown(student)
        students[0].get_by_role("button", name="Next: why").click(timeout=LONG)
        expect(students[0].get_by_test_id("stAlert").first).to_be_visible(timeout=LONG)
        no_fault(teacher, *students)
    assert all(len(member.answered) == len(LESSONS) for member in rooms.members(code))
