"""How fast, how good and how heavy the render is: `python -m benchmarks.render`."""
