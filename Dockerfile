# One image for the code server, the daemon, the webserver and the API; the command decides which.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE dagster.yaml ./
COPY deploy deploy
COPY montage_pipeline montage_pipeline
RUN python -m venv /app \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt .
RUN mkdir dagster-home \
 && cp deploy/workspace.yaml dagster-home/ \
 && cat dagster.yaml deploy/dagster-storage.yaml > dagster-home/dagster.yaml

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --uid 10001 montage
COPY --from=build /app /app
COPY --from=build --chown=montage /build/dagster-home /home/montage/dagster
ENV PATH=/app/bin:$PATH \
    DAGSTER_HOME=/home/montage/dagster \
    MONTAGE_HOME=/home/montage/state \
    MONTAGE_CODE_SERVER_HOST=code \
    MONTAGE_CODE_SERVER_PORT=4000 \
    MONTAGE_LOG_FORMAT=json \
    PYTHONUNBUFFERED=1
RUN install -d -m 0700 -o montage /home/montage/state /home/montage/dagster/storage
USER montage
WORKDIR /home/montage/dagster
EXPOSE 3000 4000 8000
# code server (default) | python -m montage_pipeline.orchestration.servers.daemon -w workspace.yaml | python -m montage_pipeline.orchestration.ui -w workspace.yaml -h 0.0.0.0 -p 3000
# | uvicorn --no-access-log --factory montage_pipeline.api.app:create_app --host 0.0.0.0 --port 8000 --timeout-graceful-shutdown 3 | montage migrate
CMD ["python", "-m", "montage_pipeline.orchestration.servers.code_server", "api", "grpc", "-m", "montage_pipeline.definitions", "-h", "0.0.0.0", "-p", "4000", "--location-name", "montage_pipeline"]
