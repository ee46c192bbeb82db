"""fal's queue on loopback: submit, status, result, cancel, the file, and faults on demand.

    with FalServer() as server:
        server.script("submit", Fault.http(503))          # for the next submission
        server.plan(JobPlan(error="Out of memory"))       # for the next job
        ... FAL_QUEUE_URL=server.url, FAL_KEY=anything ...
        assert len(server.jobs) == 1 and server.charged_usd == Decimal("0.01")

A job is charged when it is accepted and will succeed, whether or not anybody fetches it, as in the
real queue.

Standalone: python -m montage_pipeline_tests.fakes.fal_server [--port N] prints one line of JSON
with its url.
"""

import argparse
import json
import re
import socket
import struct
import sys
import threading
import time
import uuid
from collections import defaultdict, deque
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from montage_pipeline_tests.fakes.fal_audio import wav
from montage_pipeline_tests.fakes.fal_jobs import FakeJob, Fault, JobPlan, faulty_field

__all__ = ["FakeJob", "FalServer", "Fault", "JobPlan"]

Place = Literal["submit", "status", "result", "file"]


class FalServer:
    """The queue at `url`. Everything that happened is in `jobs`, `calls` and `charged_usd`."""

    def __init__(self, *, key: str | None = None, port: int = 0) -> None:
        self.jobs: list[FakeJob] = []
        self.calls: dict[str, int] = defaultdict(int)
        self.answered_s: dict[str, float] = {}
        """When each order was answered, by the id of its job, as `time.monotonic`."""
        self._key = key
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._faults_about: dict[tuple[Place, str], deque[Fault]] = defaultdict(deque)
        self._plans: deque[JobPlan] = deque()
        self._plans_about: dict[str, JobPlan] = {}
        self._default_plan = JobPlan()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", port), type("Handler", (_Handler,), {"fal": self})
        )
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def charged_usd(self) -> Decimal:
        """What the account owes for all jobs."""
        return sum((job.charged_usd for job in self.jobs), Decimal(0))

    def script(self, place: Place, *faults: Fault) -> None:
        """Faults for the next calls of that kind, in order."""
        self._faults[place].extend(faults)

    def script_about(self, word: str, place: Place, *faults: Fault) -> None:
        """Faults for the next calls of that kind about a job with the word in its prompt."""
        with self._lock:
            self._faults_about[place, word].extend(faults)

    def forget_faults(self) -> None:
        """From now on calls and jobs go well."""
        with self._lock:
            self._faults.clear()
            self._faults_about.clear()
            self._plans.clear()
            self._plans_about.clear()

    def plan(self, *plans: JobPlan) -> None:
        """How the next jobs go, in order; later ones go well."""
        self._plans.extend(plans)

    def plan_about(self, word: str, plan: JobPlan) -> None:
        """How jobs with the word in their prompt go."""
        self._plans_about[word] = plan

    def plan_all(self, plan: JobPlan) -> None:
        """How jobs without a plan of their own go."""
        self._default_plan = plan

    def finish(self, job: FakeJob) -> None:
        """Let a never-ending job come to its end."""
        job.plan = JobPlan(polls=0, billed_units=job.plan.billed_units)

    # For the handler

    def next_fault(self, place: Place, arguments: dict[str, Any]) -> Fault | None:
        prompt = str(arguments.get("prompt", ""))
        with self._lock:
            self.calls[place] += 1
            for (scripted, word), faults in self._faults_about.items():
                if faults and scripted == place and word in prompt:
                    return faults.popleft()
            return self._faults[place].popleft() if self._faults[place] else None

    def accept(self, endpoint: str, arguments: dict[str, Any]) -> FakeJob:
        with self._lock:
            plan = self._next_plan(str(arguments.get("prompt", "")))
            faulty = faulty_field(endpoint, arguments)
            if plan.error is None and faulty is not None:
                plan = JobPlan(polls=0, error=f"Invalid {faulty}", error_status=422)
            job = FakeJob(str(uuid.uuid4()), endpoint, arguments, plan, Decimal(0))
            if plan.error is None:
                job.charged_usd = job.price_usd
            self.jobs.append(job)
            return job

    def _next_plan(self, prompt: str) -> JobPlan:
        for word, plan in self._plans_about.items():
            if word in prompt:
                return plan
        return self._plans.popleft() if self._plans else self._default_plan

    def arguments_of(self, path: str) -> dict[str, Any]:
        """Those of the job that a path names; {} for none."""
        return next((job.arguments for job in self.jobs if job.id in path), {})

    def find(self, request_id: str) -> FakeJob | None:
        return next((job for job in self.jobs if job.id == request_id), None)

    def knows(self, authorization: str | None) -> bool:
        return (
            authorization is not None
            and authorization.startswith("Key ")
            and (self._key is None or authorization == f"Key {self._key}")
        )


class _Handler(BaseHTTPRequestHandler):
    fal: FalServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # the client died before it had sent all of it
            return
        arguments = json.loads(body)
        fault = self.fal.next_fault("submit", arguments)
        if not self._allowed() or self._failed_before(fault):
            return
        endpoint = self.path.split("?")[0].strip("/")
        job = self.fal.accept(endpoint, arguments)
        owner, alias = endpoint.split("/")[:2]
        # The real queue names itself, whatever gateway the call came through.
        base = f"https://queue.fal.run/{owner}/{alias}/requests/{job.id}"
        answer = {
            "status": "IN_QUEUE",
            "request_id": job.id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
        }
        self.fal.answered_s[job.id] = time.monotonic()
        self._answer(200, answer | {"queue_position": 0}, fault)

    def do_PUT(self) -> None:
        job = self._job(self.path)
        if job is not None:
            job.canceled = True
            self._answer(202, {"status": "CANCELLATION_REQUESTED"}, None)

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/files/"):
            self._file(path)
        elif path.endswith("/status"):
            fault = self.fal.next_fault("status", self.fal.arguments_of(path))
            if self._allowed() and not self._failed_before(fault) and (job := self._job(path)):
                self._status(job, fault)
        else:
            fault = self.fal.next_fault("result", self.fal.arguments_of(path))
            if self._allowed() and not self._failed_before(fault) and (job := self._job(path)):
                self._result(job, fault)

    def _status(self, job: FakeJob, fault: Fault | None) -> None:
        job.polls += 1
        answer: dict[str, Any] = {"request_id": job.id, "logs": None}
        if job.done:
            answer |= {"status": "COMPLETED", "metrics": {"inference_time": 1.5}}
            if job.plan.error is not None:
                answer |= {"error": job.plan.error, "error_type": "runner_error"}
        elif job.polls == 1:
            answer |= {"status": "IN_QUEUE", "queue_position": 0}
        else:
            answer |= {"status": "IN_PROGRESS"}
        self._answer(200 if job.done else 202, answer, fault)

    def _result(self, job: FakeJob, fault: Fault | None) -> None:
        if not job.done:
            self._answer(400, {"detail": "Request is still in progress"}, fault)
            return
        headers = {"x-fal-request-id": job.id}
        if job.plan.error is not None:
            self._failed_result(job, job.plan.error, fault, headers)
            return
        job.results += 1
        if job.plan.billed_units is not None:
            headers["x-fal-billable-units"] = (
                str(job.units) if job.plan.billed_units == "auto" else job.plan.billed_units
            )
        field_name = "audio_file" if job.endpoint.startswith("cassetteai/") else "audio"
        url = f"{self.fal.url}/files/{job.id}_generated.wav"
        self._answer(
            200,
            {field_name: {"url": url, "content_type": "audio/wav", "file_name": "generated.wav"}},
            fault,
            headers,
        )

    def _failed_result(
        self, job: FakeJob, error: str, fault: Fault | None, headers: dict[str, str]
    ) -> None:
        headers["x-fal-error-type"] = "runner_error"
        if job.plan.billed_units not in (None, "auto"):
            headers["x-fal-billable-units"] = str(job.plan.billed_units)
        invalid = [{"loc": ["body"], "msg": error, "type": "value_error"}]
        detail = invalid if job.plan.error_status == 422 else error
        self._answer(job.plan.error_status, {"detail": detail}, fault, headers)

    def _file(self, path: str) -> None:
        fault = self.fal.next_fault("file", self.fal.arguments_of(path))
        job = self.fal.find(path.removeprefix("/files/").split("_")[0])
        if self._failed_before(fault):
            return
        if job is None or job.plan.file_gone:
            self._answer(404, {"detail": "not found"}, None)
            return
        body = _music(job) if job.plan.file_body is None else job.plan.file_body
        self.send_response(200)
        self.send_header("content-type", "audio/wav")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if fault is not None and fault.kind == "cut_after":
            self.wfile.write(body[: len(body) // 2])
            self._cut()
            return
        self.wfile.write(body)

    def _job(self, path: str) -> FakeJob | None:
        """The job of /owner/alias/requests/id[/…]; answers 404 itself when there is none."""
        parts = path.strip("/").split("/")
        job = self.fal.find(parts[3]) if len(parts) >= 4 and parts[2] == "requests" else None
        if job is None or job.endpoint.split("/")[:2] != parts[:2]:
            self._answer(404, {"detail": "Request not found"}, None)
            return None
        return job

    def _allowed(self) -> bool:
        if self.fal.knows(self.headers.get("authorization")):
            return True
        self._answer(
            401, {"detail": "Authentication is required to access this application."}, None
        )
        return False

    def _failed_before(self, fault: Fault | None) -> bool:
        if fault is None or fault.kind in ("cut_after", "garbage"):
            return False
        if fault.kind == "slow":
            time.sleep(fault.seconds)
            return False
        if fault.kind == "cut_before":
            self._cut()
        else:
            self._answer(
                fault.status,
                fault.body if fault.body is not None else {"detail": f"fault {fault.status}"},
                None,
                fault.headers,
            )
        return True

    def _answer(
        self, status: int, body: Any, fault: Fault | None, headers: dict[str, str] | None = None
    ) -> None:
        if fault is not None and fault.kind == "cut_after":
            self._cut()
            return
        garbage = fault is not None and fault.kind == "garbage"
        is_page = garbage or isinstance(body, str)
        page = "<html>surprise</html>" if garbage else body
        data = page.encode() if is_page else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html" if is_page else "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        """A reset, not a polite goodbye."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _music(job: FakeJob) -> bytes:
    """The file of a finished job: of the length and the tempo that were asked for."""
    asked_s = job.arguments.get("duration") or job.arguments.get("seconds_total") or 30
    tempo = re.search(r"Tempo: (\d+)", job.arguments["prompt"])
    return wav(job.plan.seconds or float(asked_s), float(tempo.group(1)) if tempo else 120.0)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="fal's queue on loopback.")
    parser.add_argument("--port", type=int, default=0)
    with FalServer(port=parser.parse_args().port) as server:
        sys.stdout.write(json.dumps({"url": server.url}) + "\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
