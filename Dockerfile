# The system as deployed: one image, and SERVICE_TYPE (api or worker) chooses what it does.
#
#   docker build -t storymimi .
#   docker run -e SERVICE_TYPE=worker -e REDIS_URL=redis://broker:6379/0 storymimi
#
# SERVICE_TYPE has no default on purpose: a deployment that forgets it ends at once, with one line.
ARG BASE=python:3.12-slim
# What the first stage starts from, which downloads. Where a proxy intercepts TLS, or packages come
# from an index of your own, name an image that adds to BASE what it takes: certificates with
# SSL_CERT_FILE and PIP_CERT, PIP_INDEX_URL, UV_DEFAULT_INDEX. Nothing of it is in the result.
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
# As in the Makefile; tests/images holds the two together.
ARG UV_VERSION=0.13.9
ENV PATH=/tools/bin:$PATH PYTHONPATH=/tools UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
RUN python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
    --target /tools uv==${UV_VERSION}
WORKDIR /src
COPY pyproject.toml uv.lock ./
COPY system/pyproject.toml system/
# Versions and hashes from uv.lock, without the addresses in it: any index may serve them.
RUN uv export --quiet --frozen --package storymimi --no-dev --no-emit-workspace -o needed.txt \
 && uv export --quiet --frozen --only-group build --no-emit-workspace -o to-build.txt \
 && uv venv --quiet --python "$(command -v python3)" /app \
 && uv pip install --quiet --python /app --require-hashes --compile-bytecode -r needed.txt \
 && uv venv --quiet --python "$(command -v python3)" /builder \
 && uv pip install --quiet --python /builder --require-hashes -r to-build.txt
COPY system system
RUN uv build --quiet --wheel --no-build-isolation --python /builder --out-dir wheels system \
 && uv pip install --quiet --python /app --no-deps --compile-bytecode wheels/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="storymimi" \
      org.opencontainers.image.description="FastAPI + Celery + Redis, one image for every role" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fresh volume mounted at /data belongs to the user, as the folder does.
RUN groupadd --gid 10001 storymimi \
 && useradd --uid 10001 --gid storymimi --home-dir /data --no-log-init storymimi \
 && install --directory --owner storymimi --group storymimi /data
COPY --from=build /app /app
# PYTHONSAFEPATH: the folder that the process may write to is none to import from.
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PORT=8080
WORKDIR /data
USER 10001:10001
EXPOSE 8080
# Both roles answer GET /health. Cloud Run looks at its own probes and not at this one.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", \
 "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/health'); exit(c.getresponse().status != 200)"]
# No shell in between: Celery and uvicorn are process 1 and get SIGTERM themselves.
CMD ["python", "-m", "storymimi"]
