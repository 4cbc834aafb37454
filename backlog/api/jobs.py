"""Long work: how far it is, and stopping it."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.models import Job
from backlog.queries.resources import jobs_in
from backlog.serializers.jobs import JobSerializer
from backlog.services import imports
from backlog.services.jobs import request_cancel


@extend_schema(tags=["jobs"])
class JobView(ProductViewSet):
    permissions = {"retrieve": "job.view", "cancel": "job.cancel"}
    queryset = Job.objects.all()
    serializer_class = JobSerializer

    def retrieve(self, request: Request, id: int) -> Response:
        """How a piece of long work stands."""
        return Response(JobSerializer(self._job(id)).data)

    @extend_schema(request=None, responses=JobSerializer)
    def cancel(self, request: Request, id: int) -> Response:
        """Stop it: at once where it waits, soon where it runs.

        An import is stopped by those who may import.
        """
        found = self._job(id)
        if found.product is not None and found.kind in imports.KINDS:
            self.require(found.product, "import.run")
        job = request_cancel(found)
        return Response(JobSerializer(job).data)

    def _job(self, id: int) -> Job:
        job = jobs_in(self.visible_products()).filter(pk=id).first()
        if job is None or job.product is None:
            raise Http404(f"There is no job {id}.")
        self.require(job.product)
        return job
