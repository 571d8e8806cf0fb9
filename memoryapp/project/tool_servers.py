"""What starts tool servers, how long they may take and what holds them. Part of the settings."""

from __future__ import annotations

import sys

from memoryapp.project import environment, variables
from memoryapp.project.environment import env

#: Where the samples lie that come with the product.
EXAMPLES_DIR = environment.EXAMPLES_DIR
#: Named commands that may start a tool server; only the operator of this machine sets them.
MCP_COMMANDS = {
    "helpdesk": (sys.executable, str(EXAMPLES_DIR / "helpdesk" / "server.py")),
    **env.by_name(
        "MCP_COMMANDS", variables.command_line, example='{"git": "/opt/git/bin/mcp-server-git"}.'
    ),
}
if not all(name.strip() for name in MCP_COMMANDS):
    env.wrong("MCP_COMMANDS", 'must name each command: {"git": "/opt/git/bin/mcp-server-git"}.')
MCP_SANDBOX = env.choice("MCP_SANDBOX", "auto", among=("auto", "required", "off"))
#: What one process of a tool server may use up; 0 is no limit. With less than this none starts.
MCP_LIMITS = {
    "cpu_seconds": env.limit("MCP_CPU_SECONDS", 600, least=1, most=604_800),
    "memory_mb": env.limit("MCP_MEMORY_MB", 4096, least=32, most=16_777_216),
    "file_mb": env.limit("MCP_FILE_MB", 1024, least=1, most=16_777_216),
    "open_files": env.limit("MCP_OPEN_FILES", 1024, least=32, most=1_048_576),
    "processes": env.limit("MCP_PROCESSES", 0, least=8, most=4_194_304),
}
MCP_STARTUP_SECONDS = env.number("MCP_STARTUP_SECONDS", 20.0, least=0.1, most=1800)
MCP_CALL_SECONDS = env.number("MCP_CALL_SECONDS", 30.0, least=0.1, most=1800)
ATTEMPT_SECONDS = env.number("ATTEMPT_SECONDS", 1800.0, least=1, most=604_800)
