"""A base for the stages that download: it trusts and asks whom this machine trusts and asks."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from images import docker
from images.names import BASE

_NAME = "stallproof/build-base:dev"
_BUNDLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_INDEXES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "GOPROXY")
_INSIDE = "/etc/ssl/certs/build-host.pem"


def base() -> str:
    """The name for BUILD_BASE: the base itself, unless this machine's tools are told of
    certificates or indexes of their own by the environment.

    Raises:
        ImageError: it cannot be built.
    """
    bundle = next((os.environ[name] for name in _BUNDLES if os.environ.get(name)), None)
    lines = [f"FROM {BASE}"]
    with tempfile.TemporaryDirectory(prefix="stallproof-image-") as folder:
        context = Path(folder)
        if bundle is not None and Path(bundle).is_file():
            shutil.copy2(bundle, context / "bundle.pem")
            lines.append(f"COPY bundle.pem {_INSIDE}")
            lines.append(f"ENV SSL_CERT_FILE={_INSIDE} PIP_CERT={_INSIDE}")
        lines += [f"ENV {name}={value}" for name in _INDEXES if (value := os.environ.get(name))]
        if len(lines) == 1:
            return BASE
        (context / "Dockerfile").write_text("\n".join(lines) + "\n")
        docker.build(_NAME, context)
    return _NAME
