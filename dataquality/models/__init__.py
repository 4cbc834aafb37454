"""Rows of datasets, suites, runs and profiles, and what must always hold of them."""

from dataquality.models.datasets import (
    Dataset,
    DatasetVersion,
    FileFormat,
    SamplePolicy,
    SourceKind,
    ValuesOpened,
)
from dataquality.models.links import ShareLink
from dataquality.models.profiles import Profile
from dataquality.models.runs import (
    FINISHED,
    SOURCE_OF_RUNS,
    Outcome,
    Result,
    Run,
    RunState,
    Trigger,
)
from dataquality.models.suites import SuiteVersion

__all__ = [
    "FINISHED",
    "SOURCE_OF_RUNS",
    "Dataset",
    "DatasetVersion",
    "FileFormat",
    "Outcome",
    "Profile",
    "Result",
    "Run",
    "RunState",
    "SamplePolicy",
    "ShareLink",
    "SourceKind",
    "SuiteVersion",
    "Trigger",
    "ValuesOpened",
]
