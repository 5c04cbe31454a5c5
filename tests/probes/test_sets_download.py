import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from probes.sets.download import download
from tests.services import free_port


class Home(BaseHTTPRequestHandler):
    """A set's public home: it sends one on to its storage, as the real one does."""

    def do_GET(self) -> None:
        status, content = {
            "/storage": (200, b"prompt\nWhy?\n"),
            "/set.csv": (302, b"moved"),
            "/cut": (200, b"prompt\nWh"),
        }.get(self.path, (404, b"nothing here"))
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/storage")
        self.send_header("content-length", str(len(content) + (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def public_home() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Home)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_follows_the_home_to_its_storage(public_home: str) -> None:
    assert download(f"{public_home}/set.csv") == b"prompt\nWhy?\n"


def test_a_status_other_than_200_is_an_error_and_never_a_set(public_home: str) -> None:
    with pytest.raises(OSError, match="status 404"):
        download(f"{public_home}/absent.csv")


def test_a_download_that_breaks_off_is_an_error_and_never_half_a_set(public_home: str) -> None:
    with pytest.raises(OSError, match="broke"):
        download(f"{public_home}/cut")


def test_a_home_that_is_down_is_one_readable_line() -> None:
    with pytest.raises(OSError, match="connection refused") as caught:
        download(f"http://127.0.0.1:{free_port()}/set.csv")

    assert "\n" not in str(caught.value)
