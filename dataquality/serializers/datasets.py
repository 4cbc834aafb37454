"""Datasets and their versions: as they are read, registered and changed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException

from backlog.models import Product, User
from backlog.serializers.context import ContextSerializer
from backlog.serializers.links import page
from dataquality.engine.reading import TYPES
from dataquality.models import (
    Dataset,
    DatasetVersion,
    Run,
    RunState,
    SamplePolicy,
    Schedule,
    SourceKind,
)
from dataquality.queries.standings import Standing
from dataquality.rules.batches import BY
from dataquality.serializers.runs import GateSerializer
from dataquality.services.schedules import ScheduleDraft
from mlscrum.lib.errors import DomainError
from mlscrum.web.parsers import StrictJSONParser
from mlscrum.web.serializers import StrictSerializer

MOST_PRODUCTS = 100


@extend_schema_field(serializers.EmailField())
class MemberField(serializers.Field):  # type: ignore[type-arg]  # no generic at runtime
    """A member of the product, by e-mail address."""

    def to_internal_value(self, data: Any) -> User:
        email = serializers.EmailField().run_validation(data)
        product: Product = self.context["product"]
        user = User.objects.filter(memberships__product=product, email__iexact=email).first()
        if user is None:
            raise serializers.ValidationError("Name a member of the product.", code="no_member")
        return user


class LastRunSerializer(serializers.Serializer[Run]):
    """The last run of a dataset in short."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RunState.choices)
    finished_at = serializers.DateTimeField(allow_null=True)


class ScheduleSerializer(serializers.Serializer[Schedule]):
    """When a dataset is checked by itself."""

    cron = serializers.CharField(help_text="Minute, hour, day, month, day of the week.")
    zone = serializers.CharField(help_text="IANA name of the clocks that it goes by.")
    only_new = serializers.BooleanField(help_text="No run where the source shows nothing new.")
    watch_column = serializers.CharField(help_text="Of a database: times that grow with new rows.")
    paused = serializers.BooleanField(source="is_paused")
    next_at = serializers.DateTimeField(allow_null=True)
    words = serializers.CharField()


class ScheduleEditSerializer(StrictSerializer[Schedule]):
    """A schedule to set: cron in five fields or @hourly, @daily, @weekly, @monthly."""

    cron = serializers.CharField(max_length=100)
    zone = serializers.CharField(max_length=60, required=False)
    only_new = serializers.BooleanField(required=False)
    watch_column = serializers.CharField(max_length=250, required=False, allow_blank=True)
    paused = serializers.BooleanField(required=False)

    def to_internal_value(self, data: Any) -> Any:
        return ScheduleDraft(**super().to_internal_value(data))


class DatasetSerializer(serializers.Serializer[Dataset]):
    """A dataset as it is read. `columns` is its schema: every version is read by it.

    Its context holds `standings`, by dataset how it stands now.
    """

    uid = serializers.SerializerMethodField(help_text="Of this installation, for ever.")
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    source = serializers.SerializerMethodField()
    connection = serializers.SerializerMethodField(help_text="null: it is a file.")
    format = serializers.CharField()
    owner = serializers.EmailField(source="subject.owner.email", default=None, allow_null=True)
    steward = serializers.EmailField(source="subject.steward.email", default=None, allow_null=True)
    personal_data = serializers.BooleanField()
    key_columns = serializers.ListField(child=serializers.CharField())
    masked_columns = serializers.ListField(child=serializers.CharField())
    sample_policy = serializers.ChoiceField(choices=SamplePolicy.choices)
    known_as = serializers.ListField(
        child=serializers.CharField(), help_text="What tools elsewhere call it."
    )
    batch = serializers.SerializerMethodField(help_text="null: a version is one batch.")
    schedule = ScheduleSerializer(
        source="timing", allow_null=True, help_text="null: nobody has set one."
    )
    freshness_limit_h = serializers.IntegerField(allow_null=True)
    health_target = serializers.FloatField()
    green_batches = serializers.IntegerField(source="subject.green_batches")
    version = serializers.IntegerField(
        source="current_version.number", default=None, allow_null=True
    )
    rows = serializers.IntegerField(source="current_version.rows", default=None, allow_null=True)
    columns = serializers.JSONField(source="schema")
    suite_version = serializers.IntegerField(
        source="current_suite.number", default=None, allow_null=True
    )
    health = serializers.SerializerMethodField(help_text="Of the last run that counts, 0 to 100.")
    last_run = serializers.SerializerMethodField(help_text="The last run that counts.")
    gate = serializers.SerializerMethodField()
    shared_with = serializers.SerializerMethodField(
        help_text="Keys of the other products that read how it stands."
    )
    url = serializers.SerializerMethodField()

    def get_source(self, dataset: Dataset) -> dict[str, Any]:
        source = {"kind": dataset.source_kind, **dataset.source}
        return source | ({"path": dataset.path} if dataset.path else {})

    def get_uid(self, dataset: Dataset) -> str:
        return f"{dataset.product.key}/{dataset.slug}"

    def get_connection(self, dataset: Dataset) -> str | None:
        return dataset.connection.slug if dataset.connection else None

    def get_batch(self, dataset: Dataset) -> dict[str, str] | None:
        return dataset.batch

    def get_shared_with(self, dataset: Dataset) -> list[str]:
        return sorted(product.key for product in dataset.shared_with.all())

    def get_health(self, dataset: Dataset) -> float | None:
        return self._standing(dataset).health

    @extend_schema_field(LastRunSerializer(allow_null=True))
    def get_last_run(self, dataset: Dataset) -> Any:
        run = self._standing(dataset).last_run
        return LastRunSerializer(run).data if run else None

    @extend_schema_field(GateSerializer)
    def get_gate(self, dataset: Dataset) -> Any:
        gate = self._standing(dataset).gate
        return GateSerializer(gate, context={"dataset": dataset}).data

    def _standing(self, dataset: Dataset) -> Standing:
        standing: Standing = self.context["standings"][dataset.pk]
        return standing

    def get_url(self, dataset: Dataset) -> str:
        return page("dataquality:dataset", dataset.product.key, dataset.slug)


class VersionSerializer(serializers.Serializer[DatasetVersion]):
    """One content of a dataset."""

    number = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Empty: a reading of a database, which keeps nothing.")
    partition = serializers.CharField(help_text="Of a divided object store, else empty.")
    bytes = serializers.IntegerField()
    rows = serializers.IntegerField()
    columns = serializers.JSONField()
    as_of = serializers.DateTimeField(allow_null=True)
    tracked = serializers.BooleanField()
    context = serializers.JSONField()
    created_at = serializers.DateTimeField()
    created_by = serializers.EmailField(source="created_by.email", default=None, allow_null=True)
    purged_at = serializers.DateTimeField(allow_null=True)


class SourceSerializer(StrictSerializer[dict[str, str]]):
    """Where the data lies: `path` within SOURCES_DIR/<product key>/; `url`; `s3` with a connection
    and a path, which may hold stars; `sql_table` and `sql_query` with a connection; `spark_table`
    where there is a Spark."""

    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in SourceKind if kind != SourceKind.UPLOAD]
    )
    path = serializers.CharField(max_length=500, required=False)
    url = serializers.CharField(max_length=2000, required=False)
    connection = serializers.CharField(max_length=80, required=False, help_text="Its slug.")
    schema = serializers.CharField(max_length=250, required=False)
    table = serializers.CharField(max_length=250, required=False)
    query = serializers.CharField(max_length=20_000, required=False)


class BatchSerializer(StrictSerializer[dict[str, str]]):
    """How a dataset is divided into batches: by month, day or value of a column."""

    by = serializers.ChoiceField(choices=[(by, by) for by in BY])
    column = serializers.CharField(max_length=250, trim_whitespace=False)


class TextOrJson:
    """In a multipart form lists and objects come as JSON text."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            try:
                data = StrictJSONParser().parse(BytesIO(data.encode(errors="surrogatepass")))
            except (APIException, DomainError):
                raise serializers.ValidationError("Send JSON.", code="bad_json") from None
        return super().to_internal_value(data)  # type: ignore[misc]


class ContextField(TextOrJson, ContextSerializer):
    """Where evidence came from; in a multipart form as JSON text."""

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)


class ColumnsField(TextOrJson, serializers.ListField):
    """Names of columns; in a multipart form as JSON text."""

    child = serializers.CharField(max_length=250)

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class ProductsField(serializers.Field):  # type: ignore[type-arg]  # no generic at runtime
    """Products by their keys: those that the context's `products` holds."""

    def to_internal_value(self, data: Any) -> list[Product]:
        keys = serializers.ListField(
            child=serializers.CharField(max_length=10), max_length=MOST_PRODUCTS
        ).run_validation(data)
        known: dict[str, Product] = {one.key: one for one in self.context["products"]}
        wanted = dict.fromkeys(key.upper() for key in keys)
        if not all(key in known for key in wanted):
            raise serializers.ValidationError(
                "Name other products that you are a member of.", code="no_product"
            )
        return [known[key] for key in wanted]


class DatasetEditSerializer(StrictSerializer[Dataset]):
    """What people say about a dataset. Absent personal_data means yes."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    owner = MemberField(required=False, allow_null=True)
    steward = MemberField(required=False, allow_null=True)
    personal_data = serializers.BooleanField(required=False, default=True)
    sample_policy = serializers.ChoiceField(choices=SamplePolicy.choices, required=False)
    key_columns = ColumnsField(required=False)
    masked_columns = ColumnsField(required=False)
    known_as = ColumnsField(required=False)
    freshness_limit_h = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    health_target = serializers.FloatField(min_value=0, max_value=100, required=False)
    green_batches = serializers.IntegerField(min_value=1, max_value=20, required=False)
    batch = BatchSerializer(required=False, allow_null=True)
    schedule = ScheduleEditSerializer(required=False, allow_null=True)


class DatasetChangeSerializer(DatasetEditSerializer):
    """What can be said anew about a dataset. Its context names the `products` to share it with."""

    shared_with = ProductsField(
        required=False, help_text="Keys of the other products that may read how it stands."
    )


class NewDatasetSerializer(DatasetEditSerializer):
    """A dataset to register: a file in a multipart form, or a source in JSON."""

    slug = serializers.CharField(max_length=80, required=False)
    file = serializers.FileField(required=False, allow_empty_file=True)
    source = SourceSerializer(required=False)
    as_of = serializers.DateTimeField(required=False)
    context = ContextField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("source" in attrs):
            raise serializers.ValidationError(
                {"file": "Send a file in a multipart form, or a source; one of them."}
            )
        return attrs


class DatasetFormSerializer(NewDatasetSerializer):
    """A dataset to register with its first file, as a multipart form."""

    file = serializers.FileField(allow_empty_file=True)
    source = None  # type: ignore[assignment]  # a form brings a file


class NewVersionSerializer(StrictSerializer[DatasetVersion]):
    """A new content; without a file the source is read again, of a divided object store the
    newest folder, or the `partition` that is named."""

    file = serializers.FileField(required=False, allow_empty_file=True)
    partition = serializers.CharField(max_length=250, required=False)
    as_of = serializers.DateTimeField(required=False)
    context = ContextField(required=False)


class VersionFormSerializer(NewVersionSerializer):
    """A new content, as a multipart form."""

    file = serializers.FileField(allow_empty_file=True)


class ColumnSerializer(StrictSerializer[dict[str, Any]]):
    """How a column is read; what is absent stays as it is."""

    name = serializers.CharField(max_length=250, trim_whitespace=False)
    type = serializers.ChoiceField(choices=[(name, name) for name in TYPES], required=False)
    null_words = serializers.ListField(child=serializers.CharField(max_length=250), required=False)


class SchemaPutSerializer(StrictSerializer[Dataset]):
    """Columns to be read in another way from now on; the others stay as they are."""

    columns = ColumnSerializer(many=True, allow_empty=False)
