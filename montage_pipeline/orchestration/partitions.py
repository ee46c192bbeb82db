"""One dynamic partition per montage request; the key is the request's id."""

import dagster as dg

montage_requests = dg.DynamicPartitionsDefinition(name="montage_requests")
