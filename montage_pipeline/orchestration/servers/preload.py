"""What the process of a run needs, imported: loaded by the warm helper of the code server, and by
the children of a worker.

Nothing here may start a thread or open a connection, for forks of the process would share them.
"""

import gc
import importlib
import os

MODULES = (
    "montage_pipeline.definitions",
    # What Dagster imports when a run begins.
    "dagster._cli.api",
    "dagster._core.execution.api",
    "dagster._core.launcher.default_run_launcher",
    "dagster._core.run_coordinator.queued_run_coordinator",
    "dagster._core.storage.local_compute_log_manager",
    "dagster_postgres",
    # What the rooms import when a step begins.
    "boto3",
    "psycopg",
    "numpy",
    "cv2",
    "av",
    "montage_pipeline.orchestration.assets.clip_analysis",
    "montage_pipeline.analysis.local",
    "montage_pipeline.editing.planner",
    "montage_pipeline.music.synth.composer",
    "montage_pipeline.rendering.render",
    "montage_pipeline.rendering.ffmpeg_engine",
    "montage_pipeline.storage.delivery",
)

# Read when NumPy is loaded. Our products of matrices are small: a second thread for them only spins
# while it waits, and takes a core from FFmpeg.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

for _name in MODULES:
    importlib.import_module(_name)

# What is loaded stays: a fork that looked through it for garbage would copy every page of it, and
# lose a tenth of its time.
gc.freeze()
