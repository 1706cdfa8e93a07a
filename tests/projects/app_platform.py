"""What DigitalOcean's App Platform takes as an app, as far as our projects say it.

No package ships a schema of it. This one is strict, where the API's own description (specification/
resources/apps of DigitalOcean's OpenAPI document) lets unknown names pass: a misspelt one would be
dropped without a word.
"""

from __future__ import annotations

from typing import Any


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


NAME = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}[a-z0-9]$"}
TEXT = {"type": "string", "minLength": 1}
TRUTH = {"type": "boolean"}
NATURAL = {"type": "integer", "minimum": 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}

HEALTH_CHECK = _object(
    http_path={"type": "string", "pattern": "^/"},
    port=PORT,
    initial_delay_seconds={"type": "integer", "minimum": 0, "maximum": 3600},
    period_seconds={"type": "integer", "minimum": 1, "maximum": 300},
    timeout_seconds={"type": "integer", "minimum": 1, "maximum": 120},
    success_threshold={"type": "integer", "minimum": 1, "maximum": 50},
    failure_threshold={"type": "integer", "minimum": 1, "maximum": 50},
)
VARIABLE = _object(
    "key",
    key={"type": "string", "pattern": "^[_A-Za-z][_A-Za-z0-9]*$"},
    value=TEXT,
    scope={"enum": ["UNSET", "RUN_TIME", "BUILD_TIME", "RUN_AND_BUILD_TIME"]},
    type={"enum": ["GENERAL", "SECRET"]},
)
SIZES = [
    "apps-s-1vcpu-0.5gb",
    "apps-s-1vcpu-1gb-fixed",
    "apps-s-1vcpu-1gb",
    "apps-s-1vcpu-2gb",
    "apps-s-2vcpu-4gb",
    "apps-d-1vcpu-0.5gb",
    "apps-d-1vcpu-1gb",
    "apps-d-1vcpu-2gb",
    "apps-d-1vcpu-4gb",
    "apps-d-2vcpu-4gb",
    "apps-d-2vcpu-8gb",
    "apps-d-4vcpu-8gb",
    "apps-d-4vcpu-16gb",
    "apps-d-8vcpu-32gb",
]
_COMPONENT: dict[str, Any] = {
    "name": NAME,
    "github": _object("repo branch", repo=TEXT, branch=TEXT, deploy_on_push=TRUTH),
    "dockerfile_path": TEXT,
    "source_dir": TEXT,
    "run_command": TEXT,
    "instance_count": NATURAL,
    "instance_size_slug": {"enum": SIZES},
    "envs": _array(VARIABLE),
}
SERVICE = {
    **_object(
        "name github dockerfile_path",
        **_COMPONENT,
        http_port=PORT,
        internal_ports=_array(PORT),
        health_check=HEALTH_CHECK,
    ),
    "oneOf": [{"required": ["http_port"]}, {"required": ["internal_ports"]}],
}
JOB = _object(
    "name github dockerfile_path kind",
    **_COMPONENT,
    kind={"enum": ["UNSPECIFIED", "PRE_DEPLOY", "POST_DEPLOY", "FAILED_DEPLOY", "SCHEDULED"]},
)
DATABASE = {
    **_object(
        "name engine production",
        name=NAME,
        engine={"enum": ["MYSQL", "PG", "REDIS", "MONGODB", "KAFKA", "OPENSEARCH", "VALKEY"]},
        version={"type": "string"},
        production=TRUTH,
        cluster_name=TEXT,
        db_name=TEXT,
        db_user=TEXT,
    ),
    # Only PostgreSQL comes small; all else is a cluster, which has to be named.
    "if": {"properties": {"production": {"const": False}}},
    "then": {"properties": {"engine": {"const": "PG"}}},
    "else": {"required": ["cluster_name"]},
}
APP = _object(
    "name services",
    name=NAME,
    region={"enum": ["ams", "nyc", "fra", "sfo", "sgp", "blr", "tor", "lon", "syd"]},
    services=_array(SERVICE),
    jobs=_array(JOB),
    databases=_array(DATABASE),
)
