"""How gunicorn serves the pages and the API, wherever it runs: ``make up``, the image, the chart.

    gunicorn --config python:memoryapp.project.serving --bind 0.0.0.0:8000

Names are gunicorn's own settings. What is said on its command line goes before what stands here.
"""

#: what gunicorn calls before its first process, and when one has ended.
from memoryapp.project.request_counts import child_exit as child_exit
from memoryapp.project.request_counts import when_ready as when_ready

wsgi_app = "memoryapp.project.wsgi"
#: threads and processes: ADR 0002 says why, and docs/operations.md how many.
worker_class = "memoryapp.project.web_worker.Worker"
workers = 2
threads = 6
#: loaded once and before any worker: a wrong setting ends it with one line, in no loop.
preload_app = True
#: seconds for which an idle connection stays open: longer than load balancers and proxies keep
#: theirs, which is mostly a minute. Where we end it first, the next request may be on its way, and
#: is answered 502.
keepalive = 75
#: seconds without a sign of life after which a process is ended and another one begun.
timeout = 60
#: seconds that requests under way have when their process is replaced or told to stop. Whoever
#: stops the server in a hurry kills it sooner: `make up` after ten seconds.
graceful_timeout = 60
#: Python's own allocator hands an arena back only when nothing is left in it, so that a process
#: keeps what its busiest moments took. After so many requests it answers those it holds, ends and
#: is replaced by one forked from the loaded parent; not both at the same time.
max_requests = 20_000
max_requests_jitter = 4_000
#: a socket for commands to the running server: nobody here sends it any.
control_socket_disable = True
