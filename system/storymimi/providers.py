"""Who makes a story's parts: a vendor where its key is set, the offline maker otherwise.

One interface: text in, bytes out (a text's bytes are UTF-8). Sources of the shapes:
https://openrouter.ai/docs/api-reference/chat-completion
https://ai.google.dev/api/generate-content
https://docs.together.ai/reference/post-images-generations
https://elevenlabs.io/docs/api-reference/text-to-speech/convert
https://supabase.com/docs/reference/api (Storage: upload an object)
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from storymimi.settings import Settings

if TYPE_CHECKING:
    import httpx2

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0


class ProviderError(Exception):
    """A vendor did not deliver. `str()` says who and why; it holds no key."""


class Provider(Protocol):
    def make(self, prompt: str) -> bytes:
        """The finished part.

        Raises:
            ProviderError: it could not be had.
        """


class Keeper(Protocol):
    def keep(self, name: str, content: bytes, content_type: str) -> str:
        """Put bytes away; what comes back is stored with the story.

        Raises:
            ProviderError: they could not be put away.
        """


@dataclass(frozen=True, kw_only=True)
class Offline:
    """Makes the same bytes from the same prompt, in `duration_s`."""

    part: str
    duration_s: float

    def make(self, prompt: str) -> bytes:
        time.sleep(self.duration_s)
        digest = hashlib.sha256(f"{self.part}:{prompt}".encode()).hexdigest()
        return f"Offline {self.part} {digest[:16]} for: {prompt[:80]}".encode()


@dataclass(frozen=True, kw_only=True)
class OpenRouter:
    key: SecretStr
    url: str = "https://openrouter.ai/api/v1"
    model: str = "google/gemini-2.5-flash"

    def make(self, prompt: str) -> bytes:
        answer = _post(
            f"{self.url}/chat/completions",
            headers={"Authorization": f"Bearer {self.key.get_secret_value()}"},
            json={"model": self.model, "messages": [{"role": "user", "content": prompt}]},
        )
        return _read(answer, lambda body: body["choices"][0]["message"]["content"].encode())


@dataclass(frozen=True, kw_only=True)
class Gemini:
    key: SecretStr
    url: str = "https://generativelanguage.googleapis.com/v1beta"
    model: str = "gemini-2.5-flash"

    def make(self, prompt: str) -> bytes:
        answer = _post(
            f"{self.url}/models/{self.model}:generateContent",
            headers={"x-goog-api-key": self.key.get_secret_value()},
            json={"contents": [{"parts": [{"text": prompt}]}]},
        )
        return _read(
            answer, lambda body: body["candidates"][0]["content"]["parts"][0]["text"].encode()
        )


@dataclass(frozen=True, kw_only=True)
class Together:
    key: SecretStr
    url: str = "https://api.together.xyz/v1"
    model: str = "black-forest-labs/FLUX.1-schnell"

    def make(self, prompt: str) -> bytes:
        answer = _post(
            f"{self.url}/images/generations",
            headers={"Authorization": f"Bearer {self.key.get_secret_value()}"},
            json={"model": self.model, "prompt": prompt, "n": 1, "response_format": "base64"},
        )
        return _read(answer, lambda body: base64.b64decode(body["data"][0]["b64_json"]))


@dataclass(frozen=True, kw_only=True)
class ElevenLabs:
    key: SecretStr
    voice_id: str
    url: str = "https://api.elevenlabs.io/v1"
    model: str = "eleven_multilingual_v2"

    def make(self, prompt: str) -> bytes:
        answer = _post(
            f"{self.url}/text-to-speech/{self.voice_id}",
            headers={"xi-api-key": self.key.get_secret_value()},
            json={"text": prompt, "model_id": self.model},
        )
        return answer.content


@dataclass(frozen=True, kw_only=True)
class Supabase:
    """Keeps bytes in the public bucket `stories`, and answers their URL."""

    url: str
    key: SecretStr
    bucket: str = "stories"

    def keep(self, name: str, content: bytes, content_type: str) -> str:
        _post(
            f"{self.url.rstrip('/')}/storage/v1/object/{self.bucket}/{name}",
            headers={
                "Authorization": f"Bearer {self.key.get_secret_value()}",
                "apikey": self.key.get_secret_value(),
                "Content-Type": content_type,
                # A story's second attempt writes the same names.
                "x-upsert": "true",
            },
            content=content,
        )
        return f"{self.url.rstrip('/')}/storage/v1/object/public/{self.bucket}/{name}"


class Digest:
    """Keeps nothing but a short digest: enough to compare by."""

    def keep(self, name: str, content: bytes, content_type: str) -> str:
        digest = hashlib.sha256(content).hexdigest()[:16]
        return f"{name} ({content_type}, {len(content)} bytes, sha256 {digest})"


@dataclass(frozen=True, kw_only=True)
class Makers:
    text: Provider
    picture: Provider
    sound: Provider
    keeper: Keeper = field(default_factory=Digest)


def makers_of(settings: Settings) -> Makers:
    """The vendors whose keys are set; the offline ones share `offline_duration_s`."""

    def offline(part: str) -> Offline:
        return Offline(part=part, duration_s=settings.offline_duration_s / 3)

    text: Provider = offline("text")
    if settings.openrouter_api_key:
        text = OpenRouter(key=settings.openrouter_api_key)
    elif settings.gemini_api_key:
        text = Gemini(key=settings.gemini_api_key)
    picture: Provider = offline("picture")
    if settings.together_api_key:
        picture = Together(key=settings.together_api_key)
    sound: Provider = offline("sound")
    if settings.elevenlabs_api_key and settings.elevenlabs_voice_id:
        sound = ElevenLabs(key=settings.elevenlabs_api_key, voice_id=settings.elevenlabs_voice_id)
    keeper: Keeper = Digest()
    if settings.supabase_url and settings.supabase_key:
        keeper = Supabase(url=settings.supabase_url, key=settings.supabase_key)
    return Makers(text=text, picture=picture, sound=sound, keeper=keeper)


def _post(
    url: str, *, headers: dict[str, str], json: Any = None, content: bytes | None = None
) -> httpx2.Response:
    import httpx2  # noqa: PLC0415 (0.1 s that a worker without keys does not spend at start)

    timeout = httpx2.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    try:
        answer = httpx2.post(url, headers=headers, json=json, content=content, timeout=timeout)
    except httpx2.HTTPError as error:
        raise ProviderError(f"{_host(url)}: {type(error).__name__}: {error}") from error
    if not answer.is_success:
        # The body may repeat what was sent: the status alone is logged.
        raise ProviderError(f"{_host(url)}: answered {answer.status_code}")
    return answer


def _read(answer: httpx2.Response, pick: Callable[[Any], bytes]) -> bytes:
    try:
        return pick(answer.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"{answer.url.host}: the answer has not the documented shape "
            f"({type(error).__name__}: {error})"
        ) from error


def _host(url: str) -> str:
    return url.split("/")[2]
