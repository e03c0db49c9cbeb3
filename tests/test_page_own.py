"""The page Your images and networks: a first sight, a queue for what is large, weights and photographs of one's own."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from invlab import audit, records, runs, training, uploads, weights
from invlab.audit import Audit
from invlab.bundle_files import write_bundle
from invlab.jobs import VISITOR_LIMIT, Queue
from invlab.store import Store
from invlab.studies.singles import Singles
from invlab.transforms import TRANSFORMS
from invlab.ui import auditing, visitors
from tests.pages import apart

PAGE = str(Path(__file__).parent.parent / "pages" / "own.py")
LABNET = "labnet (32 px, the lab’s)"
LARGE = {"network": "resnet50 (224 px)", "weights_imagenet": "random: before any training"}
THERE = ("rotate", "none")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with two networks that have not learned anything."""
    folder = tmp_path_factory.mktemp("own")
    store, keys = Store(folder / "made"), []
    for source in THERE:
        spec = Singles().training(source, 0)
        kept = store.put_weights(records.key(spec), dict(training.start(spec, "cpu").state_dict()))
        store.put(records.key(spec), {"kind": "Training", "spec": records.plain(spec), "weights": kept, "result": {}})
        keys.append(records.key(spec))
    write_bundle(store, folder / "bundle", keys, keys, {})
    store.close()
    return folder / "bundle"


@pytest.fixture(autouse=True)
def place(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from apart(tmp_path, monkeypatch, bundle)


def opened(**link: Any) -> AppTest:
    test = AppTest.from_file(PAGE, default_timeout=90)
    for name, value in ({"count": "3"} | link).items():
        test.query_params[name] = value
    return test.run()


def charts(test: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]


def texts(test: AppTest) -> str:
    found = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error]
    return "\n".join(element.value for element in found).replace("\\", "")  # less the escapes of Markdown


def labels(test: AppTest) -> list[str]:
    return [button.label for button in test.button]


def large(**change: Any) -> Audit:
    return Audit(**{"network": "resnet50", "weights": "random", "pictures": "scenes", "families": tuple(TRANSFORMS),
                    "images": 3} | change)  # fmt: skip


# -------------------------------------------------------------------------------------------------------- first sight


def test_first_sight_is_an_audit_of_a_network_that_ships() -> None:
    test = opened()
    assert not test.exception
    (plot,) = charts(test)
    assert sum(len(trace["y"]) for trace in plot["data"]) == 18
    (key,) = Store(st_home()).keys("audit")
    spec = records.revive(Audit, Store(st_home()).get(key)["spec"])
    assert spec.weights == records.key(Singles().training("none", 0))
    assert "Most invariant to" in texts(test)
    assert "3 photographs of 32 pixels" in texts(test)
    assert any("python -m invlab audit --network labnet" in code.value for code in test.code)
    assert test.selectbox(key="look").value == "rotate"


def st_home() -> str:
    import os

    return os.environ["INVLAB_HOME"]


def test_the_second_visit_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(families="rotate")
    monkeypatch.setitem(runs.STEPS, "Audit", lambda *_: pytest.fail("measured again"))
    assert not opened(families="rotate").exception


def test_curves_and_layers_by_link() -> None:
    test = opened(view="Response curves", families="rotate", weights_labnet="trained for rotate")
    assert not test.exception
    assert "share one scale" in texts(test)
    assert charts(test)[0]["data"][-1]["name"] == "rotate"
    test = opened(view="Layer by layer", families="rotate", weights_labnet="trained for rotate")
    assert charts(test)[0]["data"][0]["type"] == "heatmap"
    whole = charts(test)[0]["data"][0]["z"]
    test.toggle(key="pooled").set_value(True).run()
    assert charts(test)[0]["data"][0]["z"] != whole
    test.multiselect(key="lines").set_value(["rotate"]).run()
    assert not test.exception
    assert charts(test)[0]["data"][0]["name"] == "rotate"


def test_nonsense_in_a_link_is_ignored() -> None:
    test = opened(
        network="<script>", weights_labnet="x", view="7", families="spin", seed="-4", look="<b>", pictures="no"
    )
    assert not test.exception
    assert len(charts(test)) == 1


def test_a_network_that_is_not_there_gets_a_sentence() -> None:
    test = opened(weights_labnet="trained for hue", families="rotate")
    assert not test.exception
    assert "train it first" in texts(test)


# ---------------------------------------------------------------------------------------------------------- the queue


def test_what_is_large_goes_to_the_queue_and_never_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(runs.STEPS, "Audit", lambda *_: pytest.fail("ran in the page"))
    test = opened(**LARGE)
    assert not test.exception
    assert not charts(test)
    assert "**resnet50** sees up to 3 photographs of 224 × 224 pixels under 18 families" in texts(test)
    assert "on two CPU cores" in texts(test)
    test.button(key="run").click().run()
    assert not test.exception
    job = Queue().job(records.key(large()))
    assert job is not None
    assert (job.state, job.kind) == ("queued", "Audit")
    assert records.revive(Audit, job.payload) == large()
    assert job.expected_seconds == pytest.approx(audit.expected_seconds(large()))
    assert "Cancel" in labels(test)
    assert "Closing this page does not stop the run" in texts(test)


def ask(visitor: str = "somebody") -> tuple[Queue, str]:
    queue, key = Queue(), records.key(large())
    queue.submit(key, "Audit", records.plain(large()), visitor=visitor)
    return queue, key


def test_a_running_audit_says_how_far_it_is() -> None:
    queue, key = ask()
    queue.claim("worker")
    queue.report(
        key, "worker", {"stage": "show", "done": 120, "of": 400, "fraction": 0.3, "family": "h_flip", "left": 61}
    )
    test = opened(**LARGE)
    assert not test.exception
    (bar,) = test.get("progress")
    assert bar.proto.value == 30
    assert "120 of 400 pictures shown · mirror left–right · about 61 s left" in bar.proto.text
    assert test.button(key=f"cancel-{key}").label == "Cancel for all"  # it is somebody else's


@pytest.mark.parametrize(
    ("point", "part"),
    [
        ({"stage": "download", "bytes": 98 * 2**20, "fraction": 0.0}, "Fetching the weights, 98 MiB"),
        ({"stage": "network", "fraction": 0.0}, "Preparing the network and the photographs"),
    ],
)
def test_before_the_first_picture_it_says_what_it_does(point: dict[str, Any], part: str) -> None:
    queue, key = ask()
    queue.claim("worker")
    queue.report(key, "worker", point)
    assert part in opened(**LARGE).get("progress")[0].proto.text


def test_a_failed_or_cancelled_audit_can_be_asked_for_again() -> None:
    queue, key = ask()
    queue.claim("worker")
    queue.fail(key, "worker", "the weights are <b>gone</b>")
    test = opened(**LARGE)
    assert "This run failed: the weights are" in texts(test)
    assert r"\<b\>gone" in test.error[0].value  # shown as it is, not as bold text
    assert "Run the audit" in labels(test)


def test_the_stored_result_is_shown(place: Path) -> None:
    small = Audit("labnet", "random", "scenes", ("rotate", "hue"), 3)
    made = runs.execute(small, Store(place / "other"))
    store = Store(place)
    store.put(
        records.key(large(families=("rotate", "hue"))),
        made | {"spec": records.plain(large(families=("rotate", "hue")))},
    )
    store.close()
    test = opened(**LARGE, families=["rotate", "hue"])
    assert not test.exception
    assert len(charts(test)) == 1


def test_default_weights_are_fetched_by_nobody_elses_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "default_here", lambda network: False)
    link = {"network": "resnet50 (224 px)"}
    test = opened(**link)
    assert "Fetch 98 MiB and run the audit" in labels(test)  # tests are served locally
    monkeypatch.setattr("invlab.ui.gallery.served_locally", lambda: False)
    test = opened(**link)
    assert "are not on this server" in texts(test)
    assert not labels(test)
    monkeypatch.setattr(weights, "default_here", lambda network: True)
    assert "Run the audit" in labels(opened(**link))


def test_a_full_queue_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "visitor_id", lambda: "me")
    for number in range(VISITOR_LIMIT):
        Queue().submit(f"audit-{number:032x}", "Audit", {}, visitor="me")
    test = opened(**LARGE)
    test.button(key="run").click().run()
    assert not test.exception
    assert any("wait" in warning.value for warning in test.warning)


# --------------------------------------------------------------------------------------------- weights and photographs


def own_weights() -> bytes:
    network = training.start(Singles().training("none", 0), "cpu")
    return safetensors.torch.save({name: value.contiguous() for name, value in network.state_dict().items()})


def test_a_file_of_weights(place: Path) -> None:
    test = opened(weights_labnet="a file of mine", families="rotate")
    assert not test.exception
    assert "at most 256 MiB" in texts(test)  # before anything is chosen
    assert not charts(test)
    test.file_uploader(key="file_labnet").upload("mine.safetensors", own_weights(), "application/octet-stream").run()
    assert not test.exception
    digest = test.text_input(key="digest").value
    assert weights.DIGEST.fullmatch(digest)
    assert len(charts(test)) == 1
    again = opened(weights_labnet="a file of mine", families="rotate", digest=digest)  # another browser, by the link
    assert len(charts(again)) == 1


def test_a_bad_file_gets_one_sentence() -> None:
    test = opened(weights_labnet="a file of mine", families="rotate")
    test.file_uploader(key="file_labnet").upload("<b>.pt", b"no weights", "application/octet-stream").run()
    assert not test.exception
    assert "neither safetensors nor a .pt file" in texts(test)
    assert not charts(test)


@pytest.mark.parametrize("digest", ["0" * 64, "<script>", "../../x"])
def test_a_digest_of_nothing_gets_one_sentence(digest: str) -> None:
    test = opened(weights_labnet="a file of mine", digest=digest)
    assert not test.exception
    assert test.warning
    assert "<script>" not in test.warning[0].value


def test_a_folder_on_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (40, 40), colour).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("x")
    link = {"pictures": auditing.FOLDER_HERE, "families": "rotate"}
    test = opened(**link)
    assert "Type where the folder is" in texts(test)
    test = opened(**link, folder=str(folder))
    assert not test.exception
    assert len(charts(test)) == 1
    assert "notes.txt" in texts(test)
    assert "cannot be read" in texts(opened(**link, folder=str(tmp_path / "none")))
    monkeypatch.setattr("invlab.ui.gallery.served_locally", lambda: False)
    test = opened(**link, folder=str(folder))  # a path of the server's disk is nobody else's business
    assert auditing.FOLDER_HERE not in test.selectbox(key="pictures").options
    assert "notes.txt" not in texts(test)


def test_the_report_is_made_at_the_click(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    test = opened(families="rotate")
    assert any("Report" in str(element.proto) for element in test.get("download_button"))
    assert time.monotonic() - began < 60


def test_only_what_is_light_runs_in_the_page() -> None:
    whole = tuple(TRANSFORMS)
    assert auditing.light(Audit("labnet", "random", "scenes", whole))
    assert not auditing.light(Audit("resnet18", "random", "scenes", ("h_flip",), 2))
    assert not auditing.light(Audit("resnet50-cifar", "random", "scenes", whole, 50))
    assert not auditing.light(Audit("labnet", "random", "scenes", whole, 200))


def test_uploaded_photographs_are_audited() -> None:
    files = []
    for number in range(3):
        file = io.BytesIO()
        Image.effect_noise((40, 40), 20 + 40 * number).convert("RGB").save(file, "PNG")
        files.append((f"{number}.png", file.getvalue()))
    received = uploads.receive(files, "photographs")
    test = opened(network=LABNET, pictures="your photographs", pictures_set=received.name)
    assert not test.exception
    assert "3 pictures loaded" in texts(test)
    assert "3 photographs of 32 pixels" in texts(test)
    spec = Audit("labnet", records.key(Singles().training("none", 0)), received.name, tuple(TRANSFORMS), 3)
    store = Store(Path(os.environ["INVLAB_HOME"]))
    found = store.get(records.key(spec))
    store.close()
    assert found is not None
    assert found["result"]["images"] == 3


def test_photographs_that_are_gone_get_a_sentence_and_the_scenes() -> None:
    test = opened(network=LABNET, pictures="your photographs", pictures_set=f"upload:{'0' * 32}")
    assert not test.exception
    assert "not here any more; upload the pictures again; until then you see the drawn scenes" in texts(test)
    assert charts(test)


def test_an_audit_that_was_stored_without_its_twins_is_shown_without_them() -> None:
    opened(network=LABNET)
    spec = Audit("labnet", records.key(Singles().training("none", 0)), "scenes", tuple(TRANSFORMS), 3)
    store = Store(Path(os.environ["INVLAB_HOME"]))
    record = store.get(records.key(spec))
    assert record is not None
    for row in record["result"]["families"]:
        del row["twins"]
    store.put(records.key(spec), record)
    store.close()
    st.cache_resource.clear()
    test = opened(network=LABNET)
    assert not test.exception
    assert "Twins moved" not in texts(test)
    assert charts(test)
