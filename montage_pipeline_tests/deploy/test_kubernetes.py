"""deploy/kubernetes as a contract: the manifests, and what the launcher makes of the values."""

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster_k8s import K8sRunLauncher

from montage_pipeline.settings import Settings, variable_of
from montage_pipeline_tests.deploy.compose import ROOT
from montage_pipeline_tests.fakes.kubernetes_server import KubernetesServer

_FOLDER = ROOT / "deploy" / "kubernetes"
_VALUES: dict[str, Any] = yaml.safe_load((_FOLDER / "dagster-values.yaml").read_text())
_VERSIONS = ("1.31", "1.37")
"""The oldest and the newest that are promised."""

_OTHERS = ("kustomization.yaml", "dagster-values.yaml")
_MANIFESTS: list[dict[str, Any]] = [
    document
    for path in sorted(_FOLDER.glob("*.yaml"))
    if path.name not in _OTHERS
    for document in yaml.safe_load_all(path.read_text())
]
_IMAGE = "registry.example.com/montage-pipeline:0.1.0"


def _name(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def _of_kind(kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in _MANIFESTS if manifest["kind"] == kind]


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("manifest", _MANIFESTS, ids=_name)
def test_every_manifest_is_what_kubernetes_takes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)
    if manifest["kind"] != "Namespace":
        assert manifest["metadata"]["namespace"] == "montage"


def test_all_that_is_applied_is_there() -> None:
    kustomization = yaml.safe_load((_FOLDER / "kustomization.yaml").read_text())
    files = {path.name for path in _FOLDER.glob("*.yaml")} - {*_OTHERS, "secrets.example.yaml"}
    assert set(kustomization["resources"]) == files
    [image] = kustomization["images"]
    tag = {"repository": image["newName"], "tag": image["newTag"], "pullPolicy": "IfNotPresent"}
    assert _VALUES["dagsterDaemon"]["image"] == tag


@pytest.mark.parametrize("workload", [*_of_kind("Deployment"), *_of_kind("Job")], ids=_name)
def test_pods_can_do_nothing_but_their_work(workload: dict[str, Any]) -> None:
    _restricted(workload["spec"]["template"]["spec"])


def _restricted(pod: dict[str, Any]) -> None:
    """As the Pod Security Standard of the namespace has it, and more."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {"requests", "limits"} <= set(container["resources"])
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert {"tmp", "state"} <= mounted <= {volume["name"] for volume in pod["volumes"]}


def test_every_name_of_a_variable_is_a_setting() -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    known |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "postgresql-password"}
    given = [
        name
        for manifest in (*_of_kind("ConfigMap"), *_of_kind("Secret"))
        for name in manifest.get("data", {}) | manifest.get("stringData", {})
    ]
    given += _VALUES["dagsterWebserver"]["env"]
    assert set(given) <= known


def test_the_ui_and_the_daemon_have_no_key_to_the_product() -> None:
    secrets = {secret["metadata"]["name"]: secret["stringData"] for secret in _of_kind("Secret")}
    logs, listening = {"name": "montage-step-logs"}, {"name": "montage-daemon"}
    assert _VALUES["dagsterWebserver"]["envSecrets"] == [logs]
    assert _VALUES["dagsterDaemon"]["envSecrets"] == [logs, listening]
    [(name, url)] = secrets["montage-daemon"].items()
    assert name == "DATABASE_URL"
    assert url not in {secrets[other]["DATABASE_URL"] for other in ("montage-runs", "montage-api")}
    assert "MONTAGE_JWT_SECRET" not in secrets["montage-runs"]
    assert not {"ANTHROPIC_API_KEY", "FAL_KEY"} & set(secrets["montage-api"])


def test_what_the_chart_starts_by_name_is_ours(tmp_path: Path) -> None:
    """The chart names programs, and the image has ours under these names."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    [line] = [line for line in text.splitlines() if line.startswith("RUN for program in")]
    script = line.removeprefix("RUN ").replace("/app/bin/", f"{tmp_path}/")
    subprocess.run(["sh", "-c", script], check=True)
    for program, module in {
        "dagster-daemon": "montage_pipeline.orchestration.servers.daemon",
        "dagster-webserver": "montage_pipeline.orchestration.ui",
    }.items():
        shebang, _, started = (tmp_path / program).read_text().splitlines()
        assert shebang == f"#!{tmp_path}/python"
        assert started == f'run_module("{module}", run_name="__main__")'
        assert importlib.util.find_spec(module) is not None


def test_dagster_lets_as_many_reels_be_made_as_the_queue_starts() -> None:
    [settings] = _of_kind("ConfigMap")
    reels = int(settings["data"]["MONTAGE_MAX_RUNNING"])
    limits = _VALUES["concurrency"]
    # Runs that are ending, and those of the hourly jobs, come on top.
    assert limits["runs"]["maxConcurrentRuns"] > reels > Settings().max_running
    assert limits["pools"]["defaultLimit"] > reels


def test_migrations_reach_the_store_whose_rules_they_set() -> None:
    [job] = _of_kind("Job")
    pod = job["spec"]["template"]
    [container] = pod["spec"]["containers"]
    assert {"configMapRef": {"name": "montage-settings"}} in container["envFrom"]
    given = {variable["name"] for variable in container["env"]}
    assert given == {"DATABASE_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}
    assert pod["metadata"]["labels"]["montage/internet"] == "true"


def test_every_secret_that_is_asked_for_is_in_the_example() -> None:
    secrets = {secret["metadata"]["name"]: secret["stringData"] for secret in _of_kind("Secret")}
    asked = [
        variable["valueFrom"]["secretKeyRef"]
        for workload in (*_of_kind("Deployment"), *_of_kind("Job"))
        for container in workload["spec"]["template"]["spec"]["containers"]
        for variable in container.get("env", [])
        if "valueFrom" in variable
    ]
    assert asked
    for reference in asked:
        assert reference["key"] in secrets[reference["name"]]


def test_prometheus_reaches_what_it_scrapes() -> None:
    [policy] = [
        policy
        for policy in _of_kind("NetworkPolicy")
        if policy["metadata"]["name"] == "prometheus-to-metrics"
    ]
    [of_pods] = policy["spec"]["podSelector"]["matchExpressions"]
    pods = {d["metadata"]["name"]: d["spec"]["template"] for d in _of_kind("Deployment")}
    assert set(of_pods["values"]) == set(pods)
    opened = {port["port"] for port in policy["spec"]["ingress"][0]["ports"]}
    served = {
        port["containerPort"]
        for pod in pods.values()
        for container in pod["spec"]["containers"]
        for port in container["ports"]
    }
    assert opened == served
    # Two would count every row twice.
    [metrics] = [d for d in _of_kind("Deployment") if d["metadata"]["name"] == "montage-metrics"]
    assert (metrics["spec"]["replicas"], metrics["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_storage_names_the_driver_that_dagster_listens_with() -> None:
    assert _VALUES["postgresql"]["postgresqlScheme"] == "postgresql+psycopg2"
    assert _VALUES["global"]["postgresqlSecretName"] in {
        secret["metadata"]["name"] for secret in _of_kind("Secret")
    }


# The launcher, as the chart's template writes it into dagster.yaml.


def _launcher_config(cluster: KubernetesServer, folder: Path) -> dict[str, Any]:
    values = _VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    extra = values["runK8sConfig"]
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "loopback",
                "contexts": [{"name": "loopback", "context": {"cluster": "it", "user": "me"}}],
                "clusters": [{"name": "it", "cluster": {"server": cluster.url}}],
                "users": [{"name": "me", "user": {"token": "token"}}],
            }
        )
    )
    return {
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
        "job_namespace": "montage",
        "service_account_name": "dagster",
        "dagster_home": _VALUES["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": _VALUES["global"]["postgresqlSecretName"],
        "image_pull_policy": values["imagePullPolicy"],
        "env_config_maps": [source["name"] for source in values["envConfigMaps"]],
        "env_secrets": [source["name"] for source in values["envSecrets"]],
        "labels": values["labels"],
        "resources": values["resources"],
        "security_context": values["securityContext"],
        "volumes": values["volumes"],
        "volume_mounts": values["volumeMounts"],
        "run_k8s_config": {
            "pod_spec_config": extra["podSpecConfig"],
            "pod_template_spec_metadata": extra["podTemplateSpecMetadata"],
            "job_spec_config": extra["jobSpecConfig"],
        },
    }


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    with KubernetesServer() as server:
        yield server


@pytest.fixture
def instance(cluster: KubernetesServer, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    launcher = {
        "module": "dagster_k8s",
        "class": "K8sRunLauncher",
        "config": _launcher_config(cluster, tmp_path),
    }
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"run_launcher": launcher}
    ) as instance:
        yield instance


def _launched(instance: dg.DagsterInstance) -> dg.DagsterRun:
    repository = RepositoryPythonOrigin(
        executable_path="/app/bin/python",
        code_pointer=ModuleCodePointer("montage_pipeline.definitions", "defs"),
        container_image=_IMAGE,
        entry_point=["dagster"],
    )
    run: dg.DagsterRun = create_run_for_test(
        instance,
        job_name="montage",
        status=dg.DagsterRunStatus.STARTING,
        job_code_origin=JobPythonOrigin("montage", repository),
    )
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run


@pytest.mark.slow
def test_a_run_is_a_job_that_kubernetes_takes(
    instance: dg.DagsterInstance, cluster: KubernetesServer
) -> None:
    cluster.refuse(503)  # what an API server says while it is replaced: the order is repeated
    run = _launched(instance)
    [job] = cluster.jobs.values()
    ordered = {name: value for name, value in job.items() if name != "status"}
    for version in _VERSIONS:
        kubernetes_validate.validate(ordered, version, strict=True)

    pod = job["spec"]["template"]["spec"]
    _restricted(pod)
    assert pod["restartPolicy"] == "Never"
    assert job["spec"]["backoffLimit"] == 0, "a run that died is another run's business"
    assert job["spec"]["activeDeadlineSeconds"] > 1800, "Dagster's own limit comes first"
    [container] = pod["containers"]
    assert container["image"] == _IMAGE
    assert "command" not in container, "the image's entry point, tini, stays"
    assert container["args"][:3] == ["dagster", "api", "execute_run"]
    assert {"name": "DAGSTER_RUN_JOB_NAME", "value": "montage"} in container["env"]
    sources = [next(iter(source.values()))["name"] for source in container["envFrom"]]
    assert sources == ["montage-settings", "montage-runs", "montage-step-logs"]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["dagster/run-id"] == run.run_id
    assert {"montage/reaches": "postgres", "montage/internet": "true"}.items() <= labels.items()


def test_the_state_of_a_run_is_its_jobs(
    instance: dg.DagsterInstance, cluster: KubernetesServer
) -> None:
    run = _launched(instance)
    [name] = cluster.jobs
    launcher = instance.run_launcher
    assert isinstance(launcher, K8sRunLauncher)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    cluster.end(name, failed=1)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    del cluster.jobs[name]
    assert launcher.check_run_worker_health(run).status is WorkerStatus.UNKNOWN


def test_a_run_that_is_stopped_loses_its_job_and_its_pod(
    instance: dg.DagsterInstance, cluster: KubernetesServer
) -> None:
    run = _launched(instance)
    [name] = cluster.jobs
    assert instance.run_launcher.terminate(run.run_id)
    assert cluster.deleted == [f"jobs/{name}", f"pods/{name}-x1"]
    stopped = instance.get_run_by_id(run.run_id)
    assert stopped is not None
    # The step tells from it that a person wanted this, and not a node that is drained.
    assert stopped.status is dg.DagsterRunStatus.CANCELING


def test_a_run_needs_no_access_to_the_cluster(tmp_path: Path) -> None:
    """Its pod has no token: whatever opens the instance must not open the launcher too."""
    config = {"load_incluster_config": True, "service_account_name": "dagster"}
    config |= {"instance_config_map": "dagster-instance", "dagster_home": str(tmp_path)}
    launcher = {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config}

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def quick() -> None:
        nothing()

    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"run_launcher": launcher}
    ) as instance:
        assert quick.execute_in_process(instance=instance).success
