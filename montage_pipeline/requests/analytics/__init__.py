"""What analysts see of the database: the views of the schema `analytics`, and who may read them.

Belongs here: what each table for analysts holds, defined once, as a view (`views`, with its query
in `queries/`), and putting the views into a database (`schema`). The Parquet files and
`montage costs --by` read the views and define nothing themselves. Does not belong here: reading
them (costs.marts), and when files are written (orchestration.analytics).

Begin with `views`.
"""
