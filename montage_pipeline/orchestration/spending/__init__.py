"""What Dagster does about money beside the steps: rows that were left behind, alerts, the audit.

Belongs here: the sensor that closes rows of the ledger which no step will close (`reconciler`), the
webhook that budget alerts go to (`webhook`), and the daily check of the ledger (`audit`).
Does not belong here: the ledger itself (costs), and the tables for analysts
(`analytics`).

Begin with `reconciler`.
"""
