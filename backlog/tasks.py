"""The one Celery task: it carries a job's id to a worker."""

from celery import shared_task

from backlog.services import jobs


@shared_task(name="backlog.run_job")
def run_job(job_id: int) -> None:
    """Carry out the job; a message that comes twice finds nothing to do."""
    jobs.run(job_id)
