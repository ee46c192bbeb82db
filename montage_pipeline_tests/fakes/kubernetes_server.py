"""The Jobs and pods of a Kubernetes API server on loopback: create, read, list, delete.

    with KubernetesServer() as cluster:
        cluster.refuse(503)                      # the next order
        ... a kubeconfig that names cluster.url ...
        cluster.end(name, failed=1)              # what the Job's controller would write

A Job has one pod from the moment it is made. Names are taken once, unknown ones are 404, as in the
real API.
"""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class KubernetesServer:
    """`jobs` are those that are there, as they were ordered; `deleted` what was taken away."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self._refusals: deque[int] = deque()
        handler = type("Handler", (_Handler,), {"cluster": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def refuse(self, status: int) -> None:
        """Answer the next order of a Job so."""
        self._refusals.append(status)

    def end(self, name: str, **counts: int) -> None:
        """The Job's pod is over: `failed=1` or `succeeded=1`."""
        self.jobs[name]["status"] = counts
        self.pods = {pod: made for pod, made in self.pods.items() if not pod.startswith(name)}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What the API says to this call."""
        url = urlsplit(path)
        parts = url.path.strip("/").split("/")
        kind, name = parts[-1], ""
        if kind not in ("jobs", "pods"):
            name, kind = (parts[-2], parts[-3]) if kind == "status" else (parts[-1], parts[-2])
        there = self.jobs if kind == "jobs" else self.pods
        if method == "POST":
            return self._create(body)
        if method == "GET" and not name:
            selector = parse_qs(url.query).get("labelSelector", [""])[0]
            return 200, {"kind": "PodList", "apiVersion": "v1", "items": self._selected(selector)}
        if name not in there:
            return 404, _status(404, f'{kind} "{name}" not found')
        if method == "DELETE":
            self.deleted.append(f"{kind}/{name}")
            del there[name]
            return 200, _status(200, "")
        return 200, there[name]

    def _create(self, job: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self._refusals:
            status = self._refusals.popleft()
            return status, _status(status, "not now")
        name = job["metadata"]["name"]
        if name in self.jobs:
            return 409, _status(409, f'jobs.batch "{name}" already exists')
        self.jobs[name] = job | {"status": {"active": 1}}
        labels = job["spec"]["template"]["metadata"].get("labels", {}) | {"job-name": name}
        pod = {"metadata": {"name": f"{name}-x1", "labels": labels}, "spec": {"containers": []}}
        self.pods[f"{name}-x1"] = pod
        return 201, job

    def _selected(self, selector: str) -> list[dict[str, Any]]:
        wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
        return [
            pod for pod in self.pods.values() if wanted.items() <= pod["metadata"]["labels"].items()
        ]


def _status(code: int, message: str) -> dict[str, Any]:
    outcome = "Success" if code < 400 else "Failure"
    return {"kind": "Status", "apiVersion": "v1", "status": outcome, "message": message}


class _Handler(BaseHTTPRequestHandler):
    cluster: KubernetesServer

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        status, document = self.cluster.answer(self.command, self.path, body)
        answer = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at what happened."""
