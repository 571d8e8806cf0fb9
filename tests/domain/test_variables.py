"""Variables that would have a tool server's command run something else."""

from __future__ import annotations

import pytest

from practice.domain.variables import problem, steering


@pytest.mark.parametrize(
    "name",
    [
        *(
            "LD_PRELOAD",
            "LD_AUDIT",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "HOME",
            "NODE_OPTIONS",
            "PYTHONPATH",
        ),
        *("PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "BASH_ENV", "BASH_FUNC_ls%%"),
        *("GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "npm_config_script_shell", "Node_Options"),
    ],
)
def test_it_names_what_steers_a_program(name: str) -> None:
    assert steering(["API_TOKEN", name]) == [name]
    assert problem([name]).startswith(f"{name} could have the command load or run something else")


@pytest.mark.parametrize(
    "name",
    [
        *("API_TOKEN", "ENV", "NODE_ENV", "PYTHONUNBUFFERED", "GIT_AUTHOR_NAME", "LANG"),
        *("NODE_EXTRA_CA_CERTS", "DATABASE_URL", "PATH_TO_DATA", "OLD_TOKEN"),
    ],
)
def test_it_leaves_settings_of_servers_alone(name: str) -> None:
    assert steering([name]) == []
    assert problem([name]) == ""
