"""deploy/kubernetes/dagster-values.yaml as the official chart takes it, in version 1.13.

Neither Helm nor the chart is at hand where tests run. What its values.schema.json and templates say
of the values that are set here is written down below, in our own words.
"""

from typing import Any

import kubernetes_validate
import pytest
import yaml

from montage_pipeline_tests.deploy.compose import ROOT

_VALUES: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "kubernetes" / "dagster-values.yaml").read_text()
)
_VERSIONS = ("1.31", "1.37")
[_CODE] = _VALUES["dagster-user-deployments"]["deployments"]
_DAEMON, _WEBSERVER = _VALUES["dagsterDaemon"], _VALUES["dagsterWebserver"]
_PODS = {"code": _CODE, "daemon": _DAEMON, "webserver": _WEBSERVER}

_POD = {"volumeMounts", "volumes", "schedulerName", "env", "envConfigMaps", "envSecrets", "labels"}
_POD |= {"nodeSelector", "affinity", "tolerations", "podSecurityContext", "securityContext"}
_POD |= {"resources", "livenessProbe", "readinessProbe", "startupProbe", "annotations", "image"}
_TAKES = {
    "": {
        *("dagsterWebserver", "dagster-user-deployments", "postgresql", "rabbitmq", "redis"),
        *("generatePostgresqlPasswordSecret", "generateCeleryConfigSecret", "flower", "ingress"),
        *("imagePullSecrets", "computeLogManager", "scheduler", "runLauncher", "pythonLogs"),
        *("dagsterDaemon", "busybox", "migrate", "telemetry", "serviceAccount", "global"),
        *("retention", "additionalInstanceConfig", "concurrency"),
    },
    "dagsterDaemon": _POD
    | {"enabled", "runCoordinator", "heartbeatTolerance", "deploymentLabels", "runMonitoring"}
    | {"runRetries", "sensors", "schedules"},
    "dagsterDaemon.runCoordinator": {"enabled", "type", "config"},
    "dagsterDaemon.runCoordinator.config.queuedRunCoordinator": {
        *("maxConcurrentRuns", "tagConcurrencyLimits", "dequeueIntervalSeconds"),
        *("dequeueNumWorkers", "dequeueUseThreads"),
    },
    "dagsterDaemon.sensors": {"useThreads", "numWorkers", "numSubmitWorkers"},
    "dagsterDaemon.schedules": {"useThreads", "numWorkers", "numSubmitWorkers"},
    "dagsterWebserver": _POD
    | {"replicaCount", "nameOverride", "pathPrefix", "service", "workspace", "deploymentLabels"}
    | {"enableReadOnly", "dbStatementTimeout", "dbPoolRecycle", "logLevel"},
    "dagsterWebserver.service": {"type", "port", "annotations"},
    "dagster-user-deployments": {"enabled", "enableSubchart", "imagePullSecrets", "deployments"},
    "postgresql": {
        *("postgresqlScheme", "image", "enabled", "postgresqlHost", "postgresqlUsername"),
        *("postgresqlPassword", "postgresqlDatabase", "postgresqlParams", "service"),
    },
    "global": {
        *("postgresqlSecretName", "dagsterHome", "serviceAccountName", "celeryConfigSecretName"),
    },
    "concurrency": {"enabled", "pools", "runs"},
    "concurrency.pools": {"defaultLimit", "granularity", "opGranularityRunBuffer"},
    "concurrency.runs": {"maxConcurrentRuns", "tagConcurrencyLimits"},
    "runLauncher": {"type", "config"},
    "runLauncher.config.k8sRunLauncher": {
        *("image", "imagePullPolicy", "jobNamespace", "loadInclusterConfig", "kubeconfigFile"),
        *("envConfigMaps", "envSecrets", "envVars", "volumeMounts", "volumes", "labels"),
        *("failPodOnRunFailure", "resources", "schedulerName", "securityContext", "runK8sConfig"),
    },
    "runLauncher.config.k8sRunLauncher.runK8sConfig": {
        *("containerConfig", "podSpecConfig", "podTemplateSpecMetadata", "jobSpecConfig"),
        "jobMetadata",
    },
    "computeLogManager": {"type", "config"},
    "computeLogManager.config.s3ComputeLogManager": {
        *("bucket", "localDir", "prefix", "useSsl", "verify", "verifyCertPath", "endpointUrl"),
        *("skipEmptyFiles", "uploadInterval", "uploadExtraArgs", "showUrlOnly", "region"),
    },
}
"""By place, every name that is known there. In some places others are refused; in the rest, Helm
would leave them out in silence, which is worse.
"""

_TAKES_OF_CODE = _POD | {"name", "dagsterApiGrpcArgs", "codeServerArgs", "port"}
_TAKES_OF_CODE |= {"includeConfigInLaunchedRuns"}


@pytest.mark.parametrize("path", sorted(_TAKES))
def test_the_chart_takes_every_value(path: str) -> None:
    values = _VALUES
    for name in filter(None, path.split(".")):
        values = values[name]
    assert set(values) <= _TAKES[path]


def test_the_chart_takes_what_is_said_of_the_code_server() -> None:
    assert set(_CODE) <= _TAKES_OF_CODE


def test_values_are_of_the_kinds_that_the_chart_wants() -> None:
    """Texts that look like numbers are numbers in YAML, and refused."""
    for pod in (*_PODS.values(), _VALUES["runLauncher"]["config"]["k8sRunLauncher"]):
        texts = [*pod.get("labels", {}).values(), *pod.get("env", {}).values()]
        assert all(isinstance(text, str) for text in texts), texts
    for pod in _PODS.values():
        assert set(pod["image"]) == {"repository", "tag", "pullPolicy"}
        assert pod["image"]["pullPolicy"] in {"Always", "IfNotPresent", "Never"}
    assert isinstance(_DAEMON["heartbeatTolerance"], int)
    assert _DAEMON["runCoordinator"]["type"] in {"QueuedRunCoordinator", "CustomRunCoordinator"}
    assert _VALUES["runLauncher"]["type"] == "K8sRunLauncher"
    assert _VALUES["computeLogManager"]["type"] == "S3ComputeLogManager"
    for section in ("sensors", "schedules"):
        assert isinstance(_DAEMON[section]["useThreads"], bool)


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("name", sorted(_PODS))
def test_kubernetes_takes_the_pods_that_the_chart_makes_of_them(name: str, version: str) -> None:
    kubernetes_validate.validate(_deployment(name, _PODS[name]), version, strict=True)


def _deployment(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """As the chart's templates write it: most values are copied whole."""
    names = ("livenessProbe", "readinessProbe")
    probes: dict[str, Any] = {key: dict(values[key]) for key in names if key in values}
    if name == "code" and "exec" not in probes.get("readinessProbe", {}):
        # The chart's own command, in the intervals that are given.
        probes["readinessProbe"].pop("enabled")
        probes["readinessProbe"]["exec"] = {"command": ["dagster", "api", "grpc-health-check"]}
    container: dict[str, Any] = {
        "name": name,
        "image": f"{values['image']['repository']}:{values['image']['tag']}",
        "imagePullPolicy": values["image"]["pullPolicy"],
        "securityContext": values["securityContext"],
        "resources": values["resources"],
        "envFrom": [
            *({"configMapRef": source} for source in values.get("envConfigMaps", ())),
            *({"secretRef": source} for source in values["envSecrets"]),
        ],
        "volumeMounts": values["volumeMounts"],
        **probes,
    }
    labels = {"component": name, **values["labels"]}
    pod = {"containers": [container], "volumes": values["volumes"]}
    pod["securityContext"] = values["podSecurityContext"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"component": name}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def test_readiness_is_asked_as_the_chart_does_it() -> None:
    """Its schema wants `enabled`, and its template copies a probe with a command whole, `enabled`
    with it, which Kubernetes does not know."""
    assert _CODE["readinessProbe"]["enabled"] is True
    assert "exec" not in _CODE["readinessProbe"]
    for pod in _PODS.values():
        assert "enabled" not in pod.get("livenessProbe", {})


def test_what_stands_is_started_again() -> None:
    """The probes are those of Compose, which a test of each program covers."""
    [program] = [part for part in _DAEMON["livenessProbe"]["exec"]["command"] if "." in part]
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    assert program in compose["services"]["daemon"]["healthcheck"]["test"][1]
    [watchdog, _] = [part for part in _CODE["livenessProbe"]["exec"]["command"] if "." in part]
    assert watchdog in compose["services"]["code"]["healthcheck"]["test"][1]
