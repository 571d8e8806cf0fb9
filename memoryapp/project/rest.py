"""How the REST API is reached, limited and described. Part of the settings."""

from __future__ import annotations

from memoryapp.project.environment import env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "memoryapp.api.authentication.ApiKeyAuthentication",
        "memoryapp.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["memoryapp.api.renderers.AnyTextJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["memoryapp.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "memoryapp.api.schema.Operation",
    "DEFAULT_THROTTLE_CLASSES": ["memoryapp.api.limits.KeyRate"],
    "EXCEPTION_HANDLER": "memoryapp.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
#: Requests per minute of a key that has no limit of its own; 0 is no limit.
API_RATE_LIMIT = env.whole("API_RATE_LIMIT", 1200, least=0, most=100_000_000)
PULL_CACHE = env.flag("PULL_CACHE", default=True)
SPECTACULAR_SETTINGS = {
    "TITLE": "Greenroom API",
    "DESCRIPTION": "Pull playbooks, read trajectories, start practice runs, decide candidates.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/img/favicon.svg",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "memoryapp.api.schema.with_any_value",
        "memoryapp.api.schema.with_pages",
        "memoryapp.api.schema.with_parameters",
        "memoryapp.api.schema.with_summaries",
        "memoryapp.api.schema.with_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ReportedOutcome": [("success", "Success"), ("failure", "Failure")],
        "BulletStatus": "memoryapp.models.Bullet.Status",
        "CandidateStatus": "memoryapp.models.Candidate.Status",
        "EnvironmentStatus": "practice.models.Environment.Status",
        "RunStatus": "practice.models.Run.Status",
        "AttemptStatus": "practice.models.Attempt.Status",
        "RunKind": "practice.models.Run.Kind",
        "LessonKind": "practice.models.Lesson.Kind",
        "SteeringKind": "practice.models.Steering.Kind",
        "IncidentStatus": "practice.models.Incident.Status",
        "IncidentOutcome": "practice.models.Incident.Outcome",
        "IncidentKind": "practice.models.Incident.Kind",
        "WorkStatus": "practice.models.Analysis.Status",
        "TelemetryKind": "practice.models.TelemetryFile.Kind",
        "CaseSetKindEnum": [("telemetry", "Telemetry"), ("trajectories", "Trajectories")],
    },
}
