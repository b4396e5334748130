"""The same bits, searched exactly by faiss and usearch with one thread, beside Burrow's figures.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    cargo bench --no-default-features --bench hamming -- --write FOLDER
    venv/bin/python hamming_peers.py FOLDER

FOLDER has, for each size: `N.rows` (a row after the other, eight bits a byte), `N.query` (one row)
and `N.json` (`rows`, `dimension`, `counts`, `milliseconds` of each count, `distances` of the
nearest, ascending). The distances that a peer finds must be those.
"""

import json
import pathlib
import sys
import time

import numpy

# As in hamming.rs: the least of the runs of so many seconds counts.
SECONDS = 1.5


def measure(run):
    """The milliseconds of the fastest run, and what it gave."""
    began, runs, least = time.perf_counter(), 0, float("inf")
    while runs < 3 or time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        value = run()
        least = min(least, (time.perf_counter() - start) * 1e3)
        runs += 1
    return least, value


def faiss_search(rows, query):
    """A function from a count to the distances of the nearest."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(rows.shape[1] * 8)
    index.add(rows)
    return f"faiss {faiss.__version__}", lambda count: index.search(query, count)[0][0]


def usearch_search(rows, query):
    """A function from a count to the distances of the nearest."""
    import usearch
    from usearch.index import MetricKind, search

    def nearest(count):
        found = search(rows, query[0], count, MetricKind.Hamming, exact=True, threads=1, dtype="b1")
        return found.distances

    return f"usearch {usearch.__version__}", nearest


def main(folder):
    """Prints a table of all sizes that the folder has."""
    print("| rows | top | Burrow ms | peer | ms | times Burrow's |")
    print("|---|---|---|---|---|---|")
    for path in sorted(folder.glob("*.json"), key=lambda path: int(path.stem)):
        answers = json.loads(path.read_text())
        width = answers["dimension"] // 8
        rows = numpy.fromfile(path.with_suffix(".rows"), numpy.uint8).reshape(-1, width)
        query = numpy.fromfile(path.with_suffix(".query"), numpy.uint8).reshape(1, width)
        for peer in (faiss_search, usearch_search):
            try:
                name, nearest = peer(rows, query)
            except ImportError as reason:
                print(f"| {len(rows)} | | | {peer.__name__}: left out, {reason} | | |")
                continue
            for count, ours in zip(answers["counts"], answers["milliseconds"]):
                took, found = measure(lambda: nearest(count))
                expected = numpy.array(answers["distances"][:count])
                if not numpy.array_equal(numpy.asarray(found).astype(int), expected):
                    sys.exit(f"{name} finds other distances among {len(rows)} rows, top {count}")
                ratio = took / ours
                print(f"| {len(rows)} | {count} | {ours:.3f} | {name} | {took:.3f} | {ratio:.1f} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
