# One image for web, worker and beat.
FROM python:3.11.14-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
# A setting whose library is not there ends a container, and nothing can be installed in one.
ARG EXTRAS="s3 sentry otel"
# Bytecode counts whatever time its source has: copied into another stage, that is another one.
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH
RUN uv sync --frozen --no-default-groups ${EXTRAS:+$(printf -- '--extra %s ' $EXTRAS)} \
      --compile-bytecode --python /usr/local/bin/python3

FROM python:3.11.14-slim-bookworm
# bubblewrap holds tool servers where the host allows it. tini collects what they leave behind: the
# dead go to the first process of a container, and would stay for good with any part of Greenroom.
RUN apt-get update && apt-get install -y --no-install-recommends bubblewrap tini \
    && rm -rf /var/lib/apt/lists/*
# A new volume takes over whose folder it is mounted on.
RUN groupadd --gid 10001 greenroom \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin greenroom \
    && install -d -o 10001 -g 10001 -m 0750 /data
# The base image leaves bytecode out and a container may not write any: whatever begins in one, a
# probe every half minute as well, would compile all that it imports.
RUN python -m compileall -q -j 0 -x '/(test|tests|idlelib|lib2to3|turtledemo)/' /usr/local/lib/python3.11
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1 \
    MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 \
    STATIC_ROOT=/app/staticfiles
COPY --from=build /app/.venv .venv
COPY . .
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash clients examples memoryapp practice
RUN SECRET_KEY=only-for-collecting-static-files-in-the-image DATABASE_URL=postgresql://none/none \
    python manage.py collectstatic --noinput --verbosity 0
# `docker compose exec web greenroom doctor`: the project is not installed as a package here.
RUN printf '%s\n' '#!/app/.venv/bin/python' 'import sys' 'sys.path.insert(0, "/app")' \
      'from memoryapp.project.cli import main' 'sys.exit(main())' > /usr/local/bin/greenroom \
    && chmod 755 /usr/local/bin/greenroom
USER 10001
EXPOSE 8000
ENTRYPOINT ["tini", "--"]
CMD ["gunicorn", "--config=python:memoryapp.project.serving", "--bind=0.0.0.0:8000"]
