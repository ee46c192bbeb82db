"""The routes, one module per resource: what can be asked, and how it is documented.

Belongs here: turning a request into calls of the rooms below and their documents into answers. Does
not belong here: checks and answers that several routes share; those are in `api`.
"""
