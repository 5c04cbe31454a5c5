"""What counts can say and how sure they are: intervals, means, corrections, comparisons.

Every formula names its source; docs/statistics.md tells when which applies and what it covers.
"""
