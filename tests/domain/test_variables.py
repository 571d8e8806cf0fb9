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
        # What HOME leads to, by another name; what is read before anything else; another's engine.
        *("XDG_CONFIG_HOME", "GIT_DIR", "GIT_ALLOW_PROTOCOL", "LUA_INIT_5_4", "DOTNET_ROOT_X64"),
        *("BUN_INSPECT_PRELOAD", "GOFLAGS", "RUSTC_WRAPPER", "CC", "ERL_LIBS", "R_LIBS_SITE"),
        *("JAVA_HOME", "DOCKER_CONFIG", "CONTAINERS_CONF", "KUBECONFIG", "AWS_CONFIG_FILE"),
    ],
)
def test_it_names_what_steers_a_program(name: str) -> None:
    assert steering(["API_TOKEN", name]) == [name]
    assert problem([name]).startswith(f"{name} could have the command load or run something else")


@pytest.mark.parametrize(
    "name",
    [
        *("API_TOKEN", "ENV", "NODE_ENV", "PYTHONUNBUFFERED", "GIT_AUTHOR_NAME", "LANG"),
        *("NODE_EXTRA_CA_CERTS", "DATABASE_URL", "PATH_TO_DATA", "OLD_TOKEN", "GOOGLE_API_KEY"),
        *("AWS_PROFILE", "AWS_REGION", "DOCKER_HUB_TOKEN", "GIT_TERMINAL_PROMPT", "CCTV_TOKEN"),
        *("DOTNET_ENVIRONMENT", "LUA"),
    ],
)
def test_it_leaves_settings_of_servers_alone(name: str) -> None:
    assert steering([name]) == []
    assert problem([name]) == ""
