"""Dagster's UI behind a guard: `python -m montage_pipeline.orchestration.ui -w workspace.yaml`.

Dagster's own `dagster-webserver` carries out mutations that arrive by GET, from any web page, under
any host name. Whoever can make a person's browser open an address could launch, terminate and
delete runs.

Belongs here: what reaches the UI, and the storyboards that its pages show (`storyboards`). Does not
belong here: who somebody is; put a login in front.

Begin reading at `guard.UiGuard`; `__main__` puts it before Dagster's application.
"""
