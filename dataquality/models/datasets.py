"""Datasets: registered data of a product, and every content it ever had."""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from backlog.models import Product, Subject, User
from dataquality.models.connections import Connection


class SourceKind(models.TextChoices):
    """Where the content of a dataset comes from."""

    UPLOAD = "upload", "A file that people upload"
    PATH = "path", "A file on the server"
    URL = "url", "A web address"
    S3 = "s3", "An object store"
    SQL_TABLE = "sql_table", "A table of a database"
    SQL_QUERY = "sql_query", "A query to a database"
    SPARK_TABLE = "spark_table", "A table of Spark"


# Of these nothing is kept; each run reads anew.
LIVE_KINDS = (SourceKind.SQL_TABLE, SourceKind.SQL_QUERY, SourceKind.SPARK_TABLE)


class FileFormat(models.TextChoices):
    CSV = "csv", "CSV"
    PARQUET = "parquet", "Parquet"
    JSONL = "jsonl", "JSON lines"


class SamplePolicy(models.TextChoices):
    """What of a failing row may be kept."""

    NONE = "none", "Nothing but counts"
    KEYS = "keys", "Keys of failing rows"
    VALUES = "values", "Keys and values of failing rows"


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def of(self, product: Product) -> DatasetQuerySet:
        """The datasets of a product, with their subjects, by name."""
        return (
            self.filter(subject__product=product)
            .select_related("subject__product", "subject__owner", "subject__steward")
            .select_related("current_version", "current_suite", "connection__product", "schedule")
            .order_by("subject__name", "pk")
        )

    def shared_with(self, product: Product) -> DatasetQuerySet:
        """Those of other products that this one may read of, as `of` gives its own."""
        return (
            self.filter(shared_with=product)
            .exclude(subject__product=product)
            .select_related("subject__product", "current_version", "current_suite")
            .order_by("subject__product__name", "subject__name", "pk")
        )


class Dataset(models.Model):
    """Registered data. Its subject holds name, slug, owner, steward and green_batches.

    `schema` is a list of `{"name", "type", "null_words"}`: every version is read with it.
    `current_version` is the newest content that counts; `current_suite` the suite in force.
    `path` says where on the server the file of a path source lies. `source` of the others is
    `{"url"}`, `{"path"}` within a bucket, `{"schema", "table"}`, of Spark `{"table"}`, or
    `{"query"}`; `batch` is `{"by", "column"}` where runs look at a part of the rows. Members of the
    products in `shared_with` see how it stands, and never a row of it.
    """

    subject = models.OneToOneField(
        Subject, models.CASCADE, primary_key=True, related_name="dataset"
    )
    description = models.TextField(blank=True, max_length=10_000)
    source_kind = models.CharField(max_length=12, choices=SourceKind, default=SourceKind.UPLOAD)
    path = models.CharField(max_length=500, blank=True)
    source = models.JSONField(default=dict, blank=True)
    connection = models.ForeignKey(
        Connection, models.RESTRICT, null=True, blank=True, related_name="datasets"
    )
    format = models.CharField(max_length=10, choices=FileFormat, blank=True)
    batch = models.JSONField(null=True, blank=True)
    schema = models.JSONField(default=list)
    personal_data = models.BooleanField(default=True)
    sample_policy = models.CharField(max_length=10, choices=SamplePolicy, default=SamplePolicy.NONE)
    key_columns = models.JSONField(default=list, blank=True)
    masked_columns = models.JSONField(default=list, blank=True)
    # What tools elsewhere call it: an id of dbt, the name of a relation or of an asset.
    known_as = models.JSONField(default=list, blank=True)
    value_viewers = models.ManyToManyField(User, related_name="+", blank=True)
    shared_with = models.ManyToManyField(Product, related_name="datasets_shared_here", blank=True)
    freshness_limit_h = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    health_target = models.FloatField(
        default=95, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    current_version = models.ForeignKey(
        "DatasetVersion", models.SET_NULL, null=True, related_name="+"
    )
    current_suite = models.ForeignKey("SuiteVersion", models.SET_NULL, null=True, related_name="+")
    # The version and suite by which its columns were looked at last; 0 for none.
    judged_version = models.PositiveBigIntegerField(default=0)
    judged_suite = models.PositiveBigIntegerField(default=0)

    objects: ClassVar[Any] = DatasetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(source_kind__in=SourceKind.values)
                & (
                    Q(format__in=FileFormat.values)
                    | Q(format="", source_kind__in=[kind.value for kind in LIVE_KINDS])
                )
                & Q(sample_policy__in=SamplePolicy.values),
                name="dataset_choices",
            ),
            models.CheckConstraint(
                condition=(Q(source_kind="path") & ~Q(path=""))
                | (~Q(source_kind="path") & Q(path="")),
                name="only_a_path_source_has_a_path",
            ),
            models.CheckConstraint(
                condition=Q(
                    source_kind__in=["upload", "path", "spark_table"], connection__isnull=True
                )
                | Q(source_kind="url")
                | Q(
                    source_kind__in=["s3", "sql_table", "sql_query"],
                    connection__isnull=False,
                ),
                name="databases_and_buckets_have_a_connection",
            ),
            models.CheckConstraint(
                condition=Q(health_target__gte=0) & Q(health_target__lte=100),
                name="health_target_is_0_to_100",
            ),
            models.CheckConstraint(
                condition=Q(freshness_limit_h__isnull=True) | Q(freshness_limit_h__gte=1),
                name="freshness_limit_is_an_hour_or_more",
            ),
        ]

    def __str__(self) -> str:
        return self.subject.name

    @property
    def product(self) -> Product:
        return self.subject.product

    @property
    def slug(self) -> str:
        return self.subject.slug

    @property
    def name(self) -> str:
        return self.subject.name

    @property
    def timing(self) -> Any:
        """Its schedule, or None."""
        return getattr(self, "schedule", None)

    @property
    def is_live(self) -> bool:
        """Whether each run reads the source itself, of which no content is kept."""
        return self.source_kind in LIVE_KINDS

    @property
    def source_words(self) -> str:
        """Where its content lies, in words; empty where people upload it."""
        source = self.source
        if self.source_kind == SourceKind.SQL_TABLE:
            name = ".".join(part for part in (source.get("schema"), source["table"]) if part)
            return f"the table {name}"
        if self.source_kind == SourceKind.SQL_QUERY:
            return "a query"
        if self.source_kind == SourceKind.SPARK_TABLE:
            return f"the table {source['table']} of Spark"
        if self.source_kind == SourceKind.URL:
            return str(source["url"]).partition("?")[0]
        return str(source.get("path") or self.path)

    @property
    def column_names(self) -> list[str]:
        return [str(column["name"]) for column in self.schema]


class DatasetVersion(models.Model):
    """One content of a dataset, known by its checksum; the same content is the same version.

    `columns` is `[{"name", "type"}]`, `file` the key in storage, `seen_at` when this content last
    became the newest. An untracked version (of a pull request, say) never becomes current.

    Of a database nothing is kept: there a version is a reading, without checksum and file, and
    each run has its own. Until `read_at` its rows and columns are those of the reading before.
    `partition` names the folder of an object store that the content came from, where it is divided.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.PositiveBigIntegerField()
    rows = models.PositiveBigIntegerField()
    columns = models.JSONField(default=list)
    file = models.CharField(max_length=300, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    as_of = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    tracked = models.BooleanField(default=True)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    purged_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    partition = models.CharField(max_length=250, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="version_number_in_dataset"),
            models.UniqueConstraint(
                fields=["dataset", "sha256"],
                condition=~Q(sha256=""),
                name="same_content_is_the_same_version",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="versions_count_from_one"),
            models.CheckConstraint(
                condition=(Q(purged_at__isnull=True) & ~Q(file=""))
                | Q(purged_at__isnull=False, file="")
                | Q(sha256="", file=""),
                name="a_version_has_a_file_until_purged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} version {self.number}"

    @property
    def batch_key(self) -> str:
        """What tells this batch from others: dataset and checksum, or when it was read."""
        if self.is_reading:
            at = (self.as_of or self.seen_at).astimezone(UTC)
            return f"{self.dataset.slug}:{at:%Y-%m-%dT%H:%M:%S.%fZ}"
        return f"{self.dataset.slug}:{self.sha256}"

    @property
    def is_reading(self) -> bool:
        """Whether it is a look at a database, of which no content was kept."""
        return not self.sha256

    @property
    def is_unread(self) -> bool:
        """Whether it is a reading that has not come about, or not yet."""
        return self.is_reading and self.read_at is None

    @property
    def can_be_read(self) -> bool:
        """Whether its rows can still be looked at."""
        return bool(self.file) or self.is_reading


class ValuesOpened(models.Model):
    """Somebody opened values of a dataset: the failing rows of a run, a profile or a version."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="values_opened")
    what = models.CharField(max_length=60)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey("backlog.ApiToken", models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.what} of {self.dataset}"
