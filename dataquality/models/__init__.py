"""Rows of datasets, suites, runs and profiles, and what must always hold of them."""

from dataquality.models.connections import Connection, ConnectionKind, Registration
from dataquality.models.datasets import (
    LIVE_KINDS,
    Dataset,
    DatasetVersion,
    FileFormat,
    SamplePolicy,
    SourceKind,
    ValuesOpened,
)
from dataquality.models.lineage import Dependence
from dataquality.models.links import ShareLink
from dataquality.models.profiles import Profile
from dataquality.models.runs import (
    FINISHED,
    SOURCE_OF_RUNS,
    UNNAMED,
    Outcome,
    Result,
    Run,
    RunState,
    Trigger,
)
from dataquality.models.schedules import Schedule, Slot, SlotState
from dataquality.models.suites import SuiteVersion
from dataquality.models.templates import SuiteTemplate

__all__ = [
    "FINISHED",
    "LIVE_KINDS",
    "SOURCE_OF_RUNS",
    "UNNAMED",
    "Connection",
    "ConnectionKind",
    "Dataset",
    "DatasetVersion",
    "Dependence",
    "FileFormat",
    "Outcome",
    "Profile",
    "Registration",
    "Result",
    "Run",
    "RunState",
    "SamplePolicy",
    "Schedule",
    "ShareLink",
    "Slot",
    "SlotState",
    "SourceKind",
    "SuiteTemplate",
    "SuiteVersion",
    "Trigger",
    "ValuesOpened",
]
