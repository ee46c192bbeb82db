# One image for the code server, the daemon, the webserver and the API; the command decides which.
# For a build that can be repeated to the byte, name a digest:
#   docker build --build-arg PYTHON_IMAGE=python@sha256:… -t montage-pipeline:0.1.0 .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE dagster.yaml ./
COPY deploy deploy
COPY montage_pipeline montage_pipeline
# The wheel is what gets installed, as it would be anywhere else: nothing is read from the sources.
RUN python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /wheels .
ARG EXTRAS=kubernetes,celery,otel
RUN python -m venv /app \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt \
    "$(echo /wheels/*.whl)[${EXTRAS}]"
# Whatever starts `dagster-webserver` or `dagster-daemon` here (the chart for Kubernetes does) starts
# ours: the one with its guard, the other woken by requests.
RUN for program in dagster-webserver=ui dagster-daemon=servers.daemon; do \
      printf '#!/app/bin/python\nfrom runpy import run_module\nrun_module("montage_pipeline.orchestration.%s", run_name="__main__")\n' \
        "${program#*=}" > "/app/bin/${program%%=*}"; \
    done
RUN mkdir dagster-home \
 && cp deploy/workspace.yaml dagster-home/ \
 && cat dagster.yaml deploy/dagster-storage.yaml > dagster-home/dagster.yaml
# The same with workers of Celery; logs of steps lie in one place.
RUN mkdir dagster-celery-home \
 && cp deploy/workspace.yaml dagster-celery-home/ \
 && cat dagster.yaml deploy/dagster-storage.yaml deploy/dagster-celery.yaml > dagster-celery-home/dagster.yaml \
 && ln -s /home/montage/dagster/storage dagster-celery-home/storage

FROM ${PYTHON_IMAGE}
# tini reaps what FFmpeg's and the runs' processes leave, and passes on signals; Kubernetes has no
# `init: true`.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --uid 10001 montage
COPY --from=build /app /app
COPY --from=build --chown=montage /build/dagster-home /home/montage/dagster
COPY --from=build --chown=montage /build/dagster-celery-home /home/montage/dagster-celery
ENV PATH=/app/bin:$PATH \
    DAGSTER_HOME=/home/montage/dagster \
    MONTAGE_HOME=/home/montage/state \
    MONTAGE_CODE_SERVER_HOST=code \
    MONTAGE_CODE_SERVER_PORT=4000 \
    MONTAGE_LOG_FORMAT=json \
    PYTHONUNBUFFERED=1
RUN install -d -m 0700 -o montage /home/montage/state /home/montage/dagster/storage
# By number, so that Kubernetes can tell that it is not root.
USER 10001
WORKDIR /home/montage/dagster
EXPOSE 3000 4000 8000
ENTRYPOINT ["tini", "--"]
# code server (default) | python -m montage_pipeline.orchestration.servers.daemon -w workspace.yaml | python -m montage_pipeline.orchestration.ui -w workspace.yaml -h 0.0.0.0 -p 3000
# | uvicorn --no-access-log --factory montage_pipeline.api.app:create_app --host 0.0.0.0 --port 8000 --timeout-graceful-shutdown 3 | montage migrate
CMD ["python", "-m", "montage_pipeline.orchestration.servers.code_server", "api", "grpc", "-m", "montage_pipeline.definitions", "-h", "0.0.0.0", "-p", "4000", "--location-name", "montage_pipeline", "--log-format", "json"]
