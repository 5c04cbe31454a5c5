"""What is kept: exchanges with their verdicts, the tallies behind the counters, and probe runs."""

from gateway.store.engine import StoreProblem
from gateway.store.probe_slots import Claim, ProbeSlots, SlotRecord, SlotState
from gateway.store.records import (
    ALL,
    UNKNOWN_CATEGORY,
    CaptureTally,
    ClassifierRecord,
    ExchangeOutcome,
    ExchangeRecord,
    RunCount,
    RunRateRecord,
    RunRecord,
    ScoringTime,
    StageTally,
    VerdictTally,
)
from gateway.store.store import Store

__all__ = [
    "ALL",
    "UNKNOWN_CATEGORY",
    "CaptureTally",
    "Claim",
    "ClassifierRecord",
    "ExchangeOutcome",
    "ExchangeRecord",
    "ProbeSlots",
    "RunCount",
    "RunRateRecord",
    "RunRecord",
    "ScoringTime",
    "SlotRecord",
    "SlotState",
    "StageTally",
    "Store",
    "StoreProblem",
    "VerdictTally",
]
