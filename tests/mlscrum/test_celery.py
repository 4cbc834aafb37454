"""Settings that keep jobs safe, and what the web server must not carry."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings

from mlscrum.celery import app


def test_a_task_ends_before_its_message_is_handed_out_again():
    conf = app.conf
    visible_again_after_s = conf.broker_transport_options["visibility_timeout"]
    assert conf.task_soft_time_limit < conf.task_time_limit < visible_again_after_s
    assert conf.task_acks_late and conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1


def test_messages_are_json_and_results_are_not_kept():
    assert set(app.conf.accept_content) == {"json"}
    assert app.conf.task_ignore_result


def test_the_web_server_and_the_dispatcher_do_without_great_expectations():
    code = (
        "import sys, django; django.setup(); import mlscrum.urls, mlscrum.asgi;"
        "import backlog.management.commands.dispatch;"
        "sys.exit('great_expectations' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mlscrum.settings"}
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment
        ).returncode
        == 0
    )
