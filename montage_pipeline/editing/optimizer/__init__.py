"""The best edit by one objective, with a proof of how good it is.

How good an edit can be is not guessed: a relaxed problem gives a bound that no edit exceeds, and
the search ends when the edit found is near enough to it, or the budget is spent. All sums are whole
numbers, so the same request gives the same edit on any machine.

From the bottom up: `terms` are the weights and formulas of what is good; `objective` evaluates them
for all choices at once, `breakdown` names them for one edit; `arcs` and `space` are the choices
with their points, picked by `choices`; `relaxation` solves the relaxed problem, `prices` bring its
bound down; `search` finds edits that keep every rule, `improvement` makes them better;
`starting_edit` counts one out where there is hardly any choice; `space_search` and `optimum` put
the work in order.

Belongs here: what a good edit is, and finding the best. Does not belong here: which footage may be
used and how good it is (`stretches`, `footage_line`), the request's wishes, words about the result.

Begin with the docstrings of `objective` and `relaxation`, then `optimum.best_edit`.
"""
