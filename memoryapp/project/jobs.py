"""How work is done in the background: its limits, and what beat rings for. Part of the settings."""

from __future__ import annotations

from math import ceil

from memoryapp.project.environment import env
from memoryapp.project.language_models import LLM_TIMEOUT_SECONDS
from memoryapp.project.tool_servers import ATTEMPT_SECONDS, MCP_CALL_SECONDS, MCP_STARTUP_SECONDS

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# An attempt is stopped between two steps and judged by what it did: its task must not be ended
# before, nor while a server starts, the model is asked, a tool called and its answer summed up.
_step_seconds = MCP_CALL_SECONDS + 2 * LLM_TIMEOUT_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = max(
    60 * 30, ceil(ATTEMPT_SECONDS + MCP_STARTUP_SECONDS + _step_seconds) + 60 * 5
)
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + 60 * 2

#: Seconds after which a claimed unit without a heartbeat belongs to nobody.
UNIT_LEASE_SECONDS = env.whole("UNIT_LEASE_SECONDS", 60, least=2, most=86_400)
#: How often the receipts of pulls are brought from Redis into the database.
RECEIPT_SECONDS = env.whole("RECEIPT_SECONDS", 5, least=1, most=3600)
#: How many days each single receipt is kept; 0 is for good. How often what was pulled stays.
RECEIPT_DAYS = env.whole("RECEIPT_DAYS", 30, least=0, most=36_500)
#: How long, in hours, the file of a whole workspace can be fetched.
EXPORT_HOURS = env.whole("EXPORT_HOURS", 24, least=1, most=720)
#: How often beat has a worker look for what was left lying, and for changed tools.
SWEEP_SECONDS = env.whole("SWEEP_SECONDS", 30, least=1, most=3600)
DRIFT_CHECK_SECONDS = env.whole("DRIFT_CHECK_SECONDS", 3600, least=1, most=2_592_000)
#: US dollars one run over trajectories of deployed agents may spend; nobody starts those by hand.
ONLINE_RUN_BUDGET = env.number("ONLINE_RUN_BUDGET", 1.0, most=1_000_000)
#: How long a trace whose root span came must be quiet before it counts as whole.
TRACE_SETTLE_SECONDS = env.number("TRACE_SETTLE_SECONDS", 5.0, most=86_400)
CELERY_BEAT_SCHEDULE = {
    "leave-pulse": {"task": "memoryapp.tasks.leave_pulse", "schedule": SWEEP_SECONDS},
    "sweep-runs": {"task": "practice.tasks.sweep_runs", "schedule": SWEEP_SECONDS},
    "index-vectors": {"task": "memoryapp.tasks.index_vectors", "schedule": SWEEP_SECONDS},
    "forget-answers": {"task": "memoryapp.tasks.forget_answers", "schedule": 3600},
    "forget-receipts": {"task": "memoryapp.tasks.forget_receipts", "schedule": 3600},
    "forget-sessions": {"task": "memoryapp.tasks.forget_sessions", "schedule": 3600},
    "forget-deliveries": {"task": "memoryapp.tasks.forget_deliveries", "schedule": 3600},
    "forget-recalls": {"task": "memoryapp.tasks.forget_recalls", "schedule": 3600},
    "forget-exports": {"task": "memoryapp.tasks.forget_exports", "schedule": 600},
    "write-exports": {"task": "memoryapp.tasks.write_exports", "schedule": SWEEP_SECONDS},
    "flush-receipts": {"task": "memoryapp.tasks.flush_receipts", "schedule": RECEIPT_SECONDS},
    "send-webhooks": {"task": "memoryapp.tasks.send_webhooks", "schedule": 15.0},
    "watch-use": {"task": "memoryapp.tasks.watch_use", "schedule": 300},
    "remove-workspaces": {"task": "practice.tasks.remove_workspaces", "schedule": 600},
    "drop-old": {"task": "practice.tasks.drop_old", "schedule": 3600},
    "assemble-traces": {
        "task": "practice.tasks.assemble_traces",
        "schedule": max(TRACE_SETTLE_SECONDS, 1.0),
    },
}
