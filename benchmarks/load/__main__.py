"""Print both tables, and put them into docs/benchmarks.md when asked to."""

import argparse

from benchmarks import load, report
from benchmarks.load import alone, processes


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(
        description=load.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=500, help="of the queue alone; 0: none")
    parser.add_argument("--cost", type=float, default=0.2, help="seconds that a stand-in takes")
    parser.add_argument("--runs", type=int, default=60, help="through run processes; 0: none")
    parser.add_argument("--run-cost", type=float, default=1.0, help="seconds that its render takes")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    tables = {}
    if arguments.requests:
        measured = alone.measure(arguments.requests, arguments.cost)
        tables["load"] = alone.table(*measured, arguments.cost)
    if arguments.runs:
        tables["load processes"] = processes.table(
            processes.measure(arguments.runs, arguments.run_cost), arguments.run_cost
        )
    for name, shown in tables.items():
        print(shown)
        if arguments.write:
            report.write(name, shown)


if __name__ == "__main__":
    main()
