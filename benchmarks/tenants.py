"""What the definitions of many tenants cost: the process of each run builds all of them.

CPU time and memory of a process that loads the definitions and finds one job, and of a code server,
which resolves everything.

    .venv/bin/python benchmarks/tenants.py
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import ROOT, environ_for, in_process, median, runs_argument

SECTION = '[tenants.t{number}]\nMEETING_ETL_DATA_DIR = "t{number}"\n'
COUNTS = (1, 10, 50)


def main(runs: int) -> None:
    """Each in a process of its own."""
    print(f"Medians of {runs} (least–greatest)")
    for whole in (False, True):
        print("everything, as the code server" if whole else "one job, as the process of a run")
        for count in COUNTS:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "tenants.toml")
                file.write_text("".join(SECTION.format(number=n) for n in range(count)))
                environ = environ_for(ROOT, {"MEETING_ETL_TENANTS": str(file)})
                child = [__file__, *(["--whole"] if whole else []), "--child"]
                found = [in_process(child, environ=environ) for _ in range(runs)]
            cpu = median([each.cpu_seconds for each in found])
            memory = median([each.peak_megabytes for each in found])
            assets = found[0].output["assets"]
            print(f"{count:>3} tenants, {assets:>5,} assets: {cpu} s CPU, {memory} MB", flush=True)


def load(*, whole: bool) -> None:
    """What Dagster does with the definitions."""
    from meeting_etl.definitions import defs

    repository = defs.get_repository_def()
    if whole:
        repository.load_all_definitions()
    else:
        repository.get_job("t0__days")
    print(json.dumps({"assets": len(repository.asset_graph.get_all_asset_keys())}))


if __name__ == "__main__":
    parser = runs_argument(__doc__)
    parser.add_argument("--child", action="store_true")
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_args()
    if given.child:
        load(whole=given.whole)
    else:
        main(given.runs)
