"""Runs are forks of a helper that has everything imported, and still processes of their own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

_PROGRAM = """
    import gc, json, multiprocessing, os, sys

    from dagster._core.utils import FuturesAwareThreadPoolExecutor
    from dagster._grpc.server import DagsterApiServer
    from montage_pipeline.orchestration.servers.code_server import serve_warm
    import threading

    def told(queue):
        names = ("cv2", "av", "montage_pipeline.definitions")
        loaded = [name for name in names if name in sys.modules]
        parent = multiprocessing.parent_process()
        collected = len(gc.get_objects())
        queue.put({"pid": os.getpid(), "parent": parent.pid, "loaded": loaded,
                   "looked_through": collected, "kept": gc.get_freeze_count()})

    if __name__ == "__main__":
        import logging
        serve_warm()
        server = DagsterApiServer(
            threading.Event(), logging.getLogger("test"), FuturesAwareThreadPoolExecutor()
        )
        context = server._mp_ctx
        queue, answers = context.Queue(), []
        for _ in range(2):
            process = context.Process(target=told, args=[queue])
            process.start()
            answers.append(queue.get(timeout=200))
            process.join()
            answers[-1]["exit"] = process.exitcode
        print(json.dumps({"server": os.getpid(), "answers": answers}))
"""


def test_each_run_gets_a_new_process_with_the_libraries_loaded(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(_PROGRAM))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    for answer in said["answers"]:
        assert answer["loaded"] == ["cv2", "av", "montage_pipeline.definitions"]
        # What was loaded is not looked through for garbage, which would copy all of it.
        assert answer["looked_through"] < answer["kept"] / 10
        # What `lease` goes by: the process is a run's own.
        assert answer["parent"] == said["server"]
        assert answer["exit"] == 0
    assert len({answer["pid"] for answer in said["answers"]}) == 2
