"""What paid calls cost: their prices, the ledger of every call, and the reports.

Belongs here: the dated price lists (`price_table`), exact arithmetic from a provider's usage report
(`prices`), the rows of the calls that were made (`ledger`), and sums over them (`reports`). Does
not belong here: making the calls; that is with the rooms that buy (`analysis.claude`, `music.fal`).

Begin reading at `ledger`: its docstring has the order of work that survives a crash.
"""
