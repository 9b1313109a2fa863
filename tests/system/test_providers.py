"""Vendor clients against a real HTTP server that answers in the vendors' documented shapes."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from storymimi import providers
from storymimi.settings import Settings

KEY = SecretStr("s3cret")


class Vendor:
    """Answers every request with one answer, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b"{}"
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                vendor.asked.append((self.command, self.path, headers, body))
                self.send_response(vendor.status)
                self.send_header("Content-Length", str(len(vendor.answer)))
                self.end_headers()
                self.wfile.write(vendor.answer)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def will_answer(self, body: Any) -> None:
        self.answer = body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    yield vendor
    vendor.server.shutdown()
    vendor.server.server_close()


def test_openrouter(vendor: Vendor) -> None:
    vendor.will_answer({"choices": [{"message": {"role": "assistant", "content": "Once."}}]})

    assert providers.OpenRouter(key=KEY, url=vendor.url, model="m").make("a fox") == b"Once."

    ((method, path, headers, body),) = vendor.asked
    assert (method, path) == ("POST", "/chat/completions")
    assert headers["authorization"] == "Bearer s3cret"
    assert json.loads(body) == {"model": "m", "messages": [{"role": "user", "content": "a fox"}]}


def test_gemini(vendor: Vendor) -> None:
    vendor.will_answer({"candidates": [{"content": {"parts": [{"text": "Once."}]}}]})

    assert providers.Gemini(key=KEY, url=vendor.url, model="m").make("a fox") == b"Once."

    ((method, path, headers, body),) = vendor.asked
    assert (method, path) == ("POST", "/models/m:generateContent")
    assert headers["x-goog-api-key"] == "s3cret"
    assert json.loads(body) == {"contents": [{"parts": [{"text": "a fox"}]}]}


def test_together(vendor: Vendor) -> None:
    vendor.will_answer({"data": [{"index": 0, "b64_json": base64.b64encode(b"JPEG").decode()}]})

    assert providers.Together(key=KEY, url=vendor.url, model="m").make("a fox") == b"JPEG"

    ((method, path, headers, body),) = vendor.asked
    assert (method, path) == ("POST", "/images/generations")
    assert headers["authorization"] == "Bearer s3cret"
    assert json.loads(body) == {
        "model": "m",
        "prompt": "a fox",
        "n": 1,
        "response_format": "base64",
    }


def test_elevenlabs(vendor: Vendor) -> None:
    vendor.will_answer(b"ID3 sound")

    maker = providers.ElevenLabs(key=KEY, voice_id="v1", url=vendor.url, model="m")
    assert maker.make("Once.") == b"ID3 sound"

    ((method, path, headers, body),) = vendor.asked
    assert (method, path) == ("POST", "/text-to-speech/v1")
    assert headers["xi-api-key"] == "s3cret"
    assert json.loads(body) == {"text": "Once.", "model_id": "m"}


def test_supabase(vendor: Vendor) -> None:
    vendor.will_answer({"Key": "stories/1/picture.jpg", "Id": "x"})

    url = providers.Supabase(url=f"{vendor.url}/", key=KEY).keep(
        "1/picture.jpg", b"JPEG", "image/jpeg"
    )

    assert url == f"{vendor.url}/storage/v1/object/public/stories/1/picture.jpg"
    ((method, path, headers, body),) = vendor.asked
    assert (method, path) == ("POST", "/storage/v1/object/stories/1/picture.jpg")
    assert (headers["authorization"], headers["apikey"]) == ("Bearer s3cret", "s3cret")
    assert (headers["content-type"], headers["x-upsert"]) == ("image/jpeg", "true")
    assert body == b"JPEG"


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (500, {}, "127.0.0.1:[0-9]+: answered 500"),
        (200, {"choices": []}, "has not the documented shape"),
        (200, {"choices": [{"message": {"content": None}}]}, "has not the documented shape"),
        (200, b"<html>", "has not the documented shape"),
    ],
)
def test_a_vendor_that_does_not_deliver_is_named_without_its_key(
    vendor: Vendor, status: int, answer: Any, says: str
) -> None:
    vendor.status = status
    vendor.will_answer(answer)

    with pytest.raises(providers.ProviderError, match=says) as raised:
        providers.OpenRouter(key=KEY, url=vendor.url).make("a fox")

    assert "s3cret" not in str(raised.value)


def test_a_vendor_that_never_answers_is_given_up(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "ANSWER_TIMEOUT_S", 0.3)

    with pytest.raises(providers.ProviderError, match="ReadTimeout"):
        providers.OpenRouter(key=KEY, url=f"http://127.0.0.1:{silent_port}").make("a fox")


def test_offline_makes_the_same_from_the_same_and_takes_its_time() -> None:
    offline = providers.Offline(part="text", duration_s=0.2)

    began = time.monotonic()
    first, second, other = (offline.make(prompt) for prompt in ("a fox", "a fox", "a hen"))

    assert time.monotonic() - began >= 0.6
    assert first == second
    assert first != other


def test_keys_choose_the_vendors() -> None:
    def names(**settings: Any) -> list[str]:
        makers = providers.makers_of(Settings(**settings))
        parts = (makers.text, makers.picture, makers.sound, makers.keeper)
        return [type(part).__name__ for part in parts]

    assert names() == ["Offline", "Offline", "Offline", "Digest"]
    assert names(gemini_api_key="k")[0] == "Gemini"
    assert names(gemini_api_key="k", openrouter_api_key="k")[0] == "OpenRouter"
    assert names(together_api_key="k")[1] == "Together"
    assert names(elevenlabs_api_key="k")[2] == "Offline"
    assert names(elevenlabs_api_key="k", elevenlabs_voice_id="v")[2] == "ElevenLabs"
    assert names(supabase_url="http://s", supabase_key="k")[3] == "Supabase"
