"""What the manifests may say that Kubernetes itself doesn't know: Kustomize, KEDA and KubeRay.

Written from their reference documentation (kubectl.docs.kubernetes.io, keda.sh/docs/2.18 and
ray-project.github.io/kuberay/reference/api), and only as
much of it as our files use: a word that isn't here is refused, even if they would know it.
"""

from __future__ import annotations

from typing import Any


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these fields, and no others."""
    fields = required | (optional or {})
    return {
        "type": "object",
        "required": sorted(required),
        "properties": fields,
        "additionalProperties": False,
    }


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": items}


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
METADATA = closed(
    {"name": TEXT}, {"labels": {"type": "object", "additionalProperties": {"type": "string"}}}
)

KUSTOMIZATION = closed(
    {
        "apiVersion": {"const": "kustomize.config.k8s.io/v1beta1"},
        "kind": {"const": "Kustomization"},
        "resources": many(TEXT),
    },
    {"images": many(closed({"name": TEXT}, {"newName": TEXT, "newTag": TEXT}))},
)

_POLICY = closed({"type": {"enum": ["Pods", "Percent"]}, "value": COUNT, "periodSeconds": COUNT})
_DIRECTION = closed({}, {"stabilizationWindowSeconds": COUNT, "policies": many(_POLICY)})
_BEHAVIOR = closed({}, {"scaleDown": _DIRECTION, "scaleUp": _DIRECTION})


def _trigger(kind: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return closed(
        {"type": {"const": kind}, "metadata": metadata},
        {"metricType": {"enum": ["AverageValue", "Value", "Utilization"]}},
    )


SCALED_OBJECT = closed(
    {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": METADATA,
        "spec": closed(
            {
                "scaleTargetRef": closed({"name": TEXT}, {"apiVersion": TEXT, "kind": TEXT}),
                "triggers": many(
                    {
                        "oneOf": [
                            _trigger(
                                "prometheus",
                                closed({"serverAddress": TEXT, "query": TEXT, "threshold": TEXT}),
                            ),
                            _trigger("cpu", closed({"value": TEXT})),
                        ]
                    }
                ),
            },
            {
                "minReplicaCount": COUNT,
                "maxReplicaCount": COUNT,
                "pollingInterval": COUNT,
                "advanced": closed(
                    {}, {"horizontalPodAutoscalerConfig": closed({}, {"behavior": _BEHAVIOR})}
                ),
            },
        ),
    }
)

# Kubernetes knows what a pod is: the template is checked by its own schema.
_TEMPLATE = closed(
    {"spec": {"type": "object"}}, {"metadata": closed({}, {"labels": {"type": "object"}})}
)
_START = {"type": "object", "additionalProperties": {"type": "string"}}

RAY_JOB = closed(
    {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": METADATA,
        "spec": closed(
            {
                "entrypoint": TEXT,
                "rayClusterSpec": closed(
                    {"headGroupSpec": closed({"rayStartParams": _START, "template": _TEMPLATE})},
                    {
                        "rayVersion": TEXT,
                        "authOptions": closed({"mode": {"enum": ["disabled", "token"]}}),
                        "workerGroupSpecs": many(
                            closed(
                                {
                                    "groupName": TEXT,
                                    "rayStartParams": _START,
                                    "template": _TEMPLATE,
                                },
                                {"replicas": COUNT, "minReplicas": COUNT, "maxReplicas": COUNT},
                            )
                        ),
                    },
                ),
            },
            {
                "submissionMode": {"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
                "shutdownAfterJobFinishes": {"type": "boolean"},
            },
        ),
    }
)


def templates_in(job: Any) -> list[Any]:
    """The pods of a RayJob, as pods of their own."""
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    head = {"apiVersion": "v1", "kind": "Pod"}
    return [head | {"metadata": {"name": "one"}, "spec": one["template"]["spec"]} for one in groups]
