"""Environment variables that would make a program load or run something else. Pure.

The operator of the machine names the commands that may start a tool server. Whoever connects one
sets its variables, and some of those are commands by another name: ``NODE_OPTIONS`` loads a module,
``LD_PRELOAD`` a library, and git runs what ``GIT_SSH_COMMAND`` says. A server that needs one gets
it from the operator, in a script that is the command. No list of them is ever whole; what holds a
server that is not trusted is the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Of loaders, interpreters and package managers, whatever follows.
_BEGINNINGS = (
    *("LD_", "DYLD_", "XDG_", "BASH_FUNC_", "GIT_CONFIG", "NPM_CONFIG_", "YARN_", "PNPM_"),
    *("COREPACK_", "BUN_", "PIP_", "PIPX_", "UV_", "BUNDLE_", "LUA_", "JULIA_", "CORECLR_", "COR_"),
    *("COMPLUS_", "DOTNET_ROOT", "CARGO_", "RUSTUP_", "RUSTC", "CGO_", "CLOUDSDK_PYTHON"),
)
_NAMES = frozenset(
    (
        # where programs and their parts are looked for
        *("HOME", "PATH", "CDPATH", "IFS", "CLASSPATH", "GCONV_PATH", "LOCPATH", "GLIBC_TUNABLES"),
        *("NODE_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"),
        *("PYTHONEXECUTABLE", "PYTHONPYCACHEPREFIX", "PERL5LIB", "PERLLIB", "RUBYLIB"),
        *("GEM_HOME", "GEM_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "DENO_DIR", "NODE_COMPILE_CACHE"),
        *("GIT_EXEC_PATH", "GIT_TEMPLATE_DIR", "GIT_DIR", "GIT_COMMON_DIR", "FPATH", "ERL_LIBS"),
        *("JAVA_HOME", "JRE_HOME", "GRADLE_USER_HOME", "NUGET_PACKAGES", "CURL_HOME", "WGETRC"),
        *("OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "PHPRC", "PHP_INI_SCAN_DIR"),
        *("R_HOME", "R_LIBS", "R_LIBS_SITE", "R_LIBS_USER", "R_PROFILE", "R_PROFILE_USER"),
        *("R_ENVIRON", "R_ENVIRON_USER", "R_DEFAULT_PACKAGES"),
        *("GOROOT", "GOPATH", "GOENV", "GOWORK", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE"),
        *("GOTOOLCHAIN", "GOMODCACHE", "GOCACHE"),
        # what an interpreter does before, or instead of, what it was started for
        *("NODE_OPTIONS", "NODE_REPL_EXTERNAL_MODULE", "PYTHONSTARTUP", "PYTHONBREAKPOINT"),
        *(
            "PYTHONINSPECT",
            "PYTHONWARNINGS",
            "DOTNET_STARTUP_HOOKS",
            "DOTNET_ADDITIONAL_DEPS",
            "DOTNET_SHARED_STORE",
        ),
        *("DOTNET_CLI_HOME", "DOTNET_HOST_PATH", "PERL5OPT", "PERL5DB", "RUBYOPT", "GOFLAGS"),
        *("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "MAVEN_OPTS"),
        *("MAVEN_ARGS", "GRADLE_OPTS", "ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS"),
        *("ELIXIR_ERL_OPTIONS", "BASH_ENV", "ZDOTDIR", "SHELLOPTS", "BASHOPTS", "PS4"),
        *("PROMPT_COMMAND", "SHELL", "PSQLRC", "VIMINIT", "EXINIT"),
        # programs that others call
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR"),
        *("GIT_PAGER", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "SSH_ASKPASS", "SUDO_ASKPASS"),
        *("GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL_FROM_USER", "GOAUTH", "GOCACHEPROG"),
        *("CC", "CXX", "RUSTFLAGS"),
        *("EDITOR", "VISUAL", "PAGER", "MANPAGER", "LESSOPEN", "LESSCLOSE", "BROWSER"),
        *("RSYNC_RSH", "CVS_RSH", "SVN_SSH"),
        # files that name programs, and another machine's engine that runs what is asked of ours
        *("KUBECONFIG", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "KRB5_CONFIG"),
        *("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "DOCKER_HOST", "DOCKER_CONFIG"),
        *("DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE"),
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
