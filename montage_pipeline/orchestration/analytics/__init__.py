"""The tables for analysts as assets, partitioned by day: where they come from, when they are
written, and what they are held against.

Belongs here: the ledger as a source (`source`), the assets (`marts`), their checks (`checks`), and
the job that keeps them current (`refresh`). Does not belong here: what a table holds
(requests.analytics) and how a file is written (costs.marts).

Begin with `marts`.
"""
