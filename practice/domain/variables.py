"""Variables of an environment that would have a program load or run something else. Pure.

The operator of the machine names the commands that may start a tool server. Whoever connects one
gives it variables, and some of those are commands by another name: ``NODE_OPTIONS`` loads a module,
``LD_PRELOAD`` a library, and git runs what ``GIT_SSH_COMMAND`` says. A server that needs one gets
it from the operator, in a script that is the command.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Of loaders, interpreters and package managers, whatever follows.
_BEGINNINGS = (
    *("LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG", "NPM_CONFIG_", "YARN_", "PNPM_CONFIG_"),
    *("PIP_", "UV_", "BUNDLE_", "CORECLR_", "COR_"),
)
_NAMES = frozenset(
    (
        # where programs and their parts are looked for
        *("HOME", "PATH", "CDPATH", "IFS", "CLASSPATH", "GCONV_PATH", "LOCPATH", "GLIBC_TUNABLES"),
        *("NODE_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"),
        *("PYTHONEXECUTABLE", "PYTHONPYCACHEPREFIX", "PERL5LIB", "PERLLIB", "RUBYLIB"),
        *("GEM_HOME", "GEM_PATH", "LUA_PATH", "LUA_CPATH", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"),
        *("OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "PHPRC", "PHP_INI_SCAN_DIR"),
        *("R_LIBS", "R_LIBS_USER", "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON", "R_ENVIRON_USER"),
        # what an interpreter does before, or instead of, what it was started for
        *("NODE_OPTIONS", "PYTHONSTARTUP", "PYTHONBREAKPOINT", "PYTHONINSPECT", "BUN_OPTIONS"),
        *("DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE", "DOTNET_ROOT"),
        *("PERL5OPT", "PERL5DB", "RUBYOPT", "LUA_INIT", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"),
        *("_JAVA_OPTIONS", "JAVA_OPTS", "ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS"),
        *(
            "ELIXIR_ERL_OPTIONS",
            "BASH_ENV",
            "ZDOTDIR",
            "SHELLOPTS",
            "BASHOPTS",
            "PS4",
            "PROMPT_COMMAND",
            "SHELL",
        ),
        # programs that others call
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR"),
        *("GIT_PAGER", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "SSH_ASKPASS", "SUDO_ASKPASS"),
        *("EDITOR", "VISUAL", "PAGER", "MANPAGER", "LESSOPEN", "LESSCLOSE", "BROWSER"),
        *("RSYNC_RSH", "CVS_RSH", "SVN_SSH"),
    )
)


def steering(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that no form may set for a local process, in the order they came."""
    return [
        name for name in names if name.upper() in _NAMES or name.upper().startswith(_BEGINNINGS)
    ]


def problem(names: Iterable[str]) -> str:
    """Say which variables cannot be set and what to do instead; empty if all can."""
    found = steering(names)
    if not found:
        return ""
    return (
        f"{', '.join(found)} could have the command load or run something else, so it is not set "
        "here. The operator of this machine can, in a script that MCP_COMMANDS names."
    )
