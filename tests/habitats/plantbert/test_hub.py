import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.hub import origin_of

FILES = ("config.json", "model.safetensors", "vocab.txt")
CONFIGURATION = b"{}"


class Hub(BaseHTTPRequestHandler):
    """Has one model, of which only the configuration is ever asked for."""

    def do_HEAD(self):
        self.answer(None)

    def do_GET(self):
        self.answer(CONFIGURATION)

    def answer(self, body):
        there = self.path == "/owner/there/resolve/main/config.json"
        self.send_response(200 if there else 404)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", hashlib.sha1(CONFIGURATION).hexdigest())
        if not there:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(CONFIGURATION) if there else 0))
        self.end_headers()
        if body and there:
            self.wfile.write(body)

    def log_message(self, *_):
        """Stay silent."""


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_folder_needs_all_parts(tmp_path):
    for name in FILES:
        (tmp_path / name).touch()
    assert origin_of(str(tmp_path), offline=True) == f"folder {tmp_path}"
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no model.safetensors or .* pytorch_model.bin"):
        origin_of(str(tmp_path), offline=False)


def test_files_of_an_earlier_download_are_found(cache):
    place = cache / "models--owner--name"
    snapshot = place / "snapshots" / "ab"
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("ab")
    for name in FILES:
        (snapshot / name).touch()
    assert origin_of("owner/name", offline=True).startswith("files of owner/name kept in")
    (snapshot / "vocab.txt").unlink()
    with pytest.raises(InputError, match="offline: true allows no download"):
        origin_of("owner/name", offline=True)


def test_the_hub_is_asked_before_any_work(cache):
    with serving() as hub:
        found = origin_of("owner/there", offline=False, endpoint=hub)
        assert found == f"download of owner/there from {hub}"
        with pytest.raises(InputError, match=r"'owner/gone' is not on this machine and .* does"):
            origin_of("owner/gone", offline=False, endpoint=hub)
    with pytest.raises(InputError, match="mend its name or the connection"):
        origin_of("owner/other", offline=False, endpoint=hub)


def test_the_environment_can_forbid_downloads(cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE allows no download"):
        origin_of("owner/name", offline=False)


def test_what_can_be_no_name_is_refused():
    with pytest.raises(InputError, match="is no folder on this machine and no model id"):
        origin_of("models/of/mine", offline=True)
