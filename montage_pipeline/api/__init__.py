"""The HTTP API: create, status, uploads, costs.

`montage_pipeline.api.app:create_app` is the factory for a server.
"""
