"""Where settings are read from: the environment, and a .env file beside manage.py."""

from __future__ import annotations

from pathlib import Path

from memoryapp.project import env_file, variables

CODE_DIR = Path(__file__).resolve().parents[1]
#: A checkout has templates, static files and examples beside the code; a wheel has them within.
IS_CHECKOUT = (CODE_DIR.parent / "manage.py").exists()
BASE_DIR = CODE_DIR.parent if IS_CHECKOUT else Path.cwd()
TEMPLATES_DIR = (BASE_DIR if IS_CHECKOUT else CODE_DIR) / "templates"
EXAMPLES_DIR = (BASE_DIR if IS_CHECKOUT else CODE_DIR) / "examples"
FILE = env_file.read(BASE_DIR / ".env")
env = variables.Variables()
env.problems += FILE.problems
