"""What deploy/ promises: Compose, Kubernetes, the image and the wheel."""
