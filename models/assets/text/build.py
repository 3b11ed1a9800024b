#!/usr/bin/env python3
"""Builds `vader.tsv.gz`, the labelled sentences of the built-in tasks, from the archive that published them.

    python3 build.py vaderSentiment-3.3.2.tar.gz            # writes vader.tsv.gz beside this script
    python3 build.py vaderSentiment-3.3.2.tar.gz --check    # compares with the committed file, writes nothing

Source: the source distribution of the Python package `vaderSentiment` 3.3.2 (the wheel does not hold the texts), its
nested archive `additional_resources/hutto_ICWSM_2014.tar.gz`. Only Python's standard library is used and every byte
of the result is determined by the archive. README.md beside this file says what is done to the texts, and why.
"""

import argparse
import gzip
import hashlib
import html
import io
import math
import re
import sys
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

ARCHIVE_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
NESTED = "additional_resources/hutto_ICWSM_2014.tar.gz"
# Our name of a source, the file's name, and the number of texts the authors' README gives.
SOURCES = [
    ("movie", "movieReviewSnippets", 10605),
    ("tweet", "tweets", 4200),
    ("product", "amazonReviewSnippets", 3708),
    ("editorial", "nytEditorialSnippets", 5190),
]
# Identifiers of these two are `<document>_<sentence>`; the other two number independent snippets.
HAS_DOCUMENTS = {"product", "editorial"}
OUTPUT = Path(__file__).parent / "vader.tsv.gz"

# The key and the shares of the split; `tasks/split.rs` repeats them and a test holds the two together.
SPLIT_KEY = b"fleetune/split/v1\n"
VALIDATION_PERCENT, TEST_PERCENT = 10, 15

# Two texts sharing this much of their words (Jaccard index) are near-duplicates and fall on one side of the split.
# At 0.6 the pairs are the authors' 200 rewritten tweets, quotations and form letters; below it, chance.
NEAR_DUPLICATE, NEAR_DUPLICATE_WORDS = 0.6, 4


def split_of(key):
    """train, validation or test: a pure function of the key."""
    digest = hashlib.sha256(SPLIT_KEY + key.encode()).digest()
    bucket = int.from_bytes(digest[:8], "big") % 100
    if bucket < TEST_PERCENT:
        return "test"
    return "validation" if bucket < TEST_PERCENT + VALIDATION_PERCENT else "train"


def clean(text):
    """Character references resolved, white space collapsed; nothing else is touched."""
    return " ".join(html.unescape(text).split())


def normalise(text):
    """Lower case, runs of anything but letters and digits made one space; `tasks/split.rs` does the same."""
    kept = "".join(c if c.isalnum() else " " for c in text.lower())
    return " ".join(kept.split())


def read_archive(path):
    """The four files as [(source, id, document, rating, text)], verified against hash and counts."""
    data = Path(path).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != ARCHIVE_SHA256:
        sys.exit(f"{path}: sha256 is {found}, expected {ARCHIVE_SHA256} (vaderSentiment-3.3.2.tar.gz)")
    rows = []
    with tarfile.open(fileobj=io.BytesIO(data)) as outer:
        nested = next(m for m in outer.getmembers() if m.name.endswith(NESTED))
        with tarfile.open(fileobj=outer.extractfile(nested)) as inner:
            for source, stem, expected in SOURCES:
                member = inner.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
                lines = member.read().decode("utf-8-sig").split("\r\n")
                fields = [line.split("\t") for line in lines if line]
                assert len(fields) == expected and all(len(f) == 3 for f in fields), source
                for ident, rating, text in fields:
                    document = ident.split("_")[0] if source in HAS_DOCUMENTS else None
                    rows.append((source, ident, document, float(rating), clean(text)))
    return rows


def drop_duplicates(rows, say):
    """Without wordless texts, texts found in two sources, exact repeats and one sentence in several documents."""
    worded = [r for r in rows if normalise(r[4])]
    say(f"dropped, no letter or digit: {len(rows) - len(worded)}")
    sources = defaultdict(set)
    for row in worded:
        sources[normalise(row[4])].add(row[0])
    single = [r for r in worded if len(sources[normalise(r[4])]) == 1]
    say(f"dropped, same words under several sources: {len(worded) - len(single)}")
    signs = defaultdict(set)
    for row in single:
        signs[row[4]].add(sentiment(row[3]))
    consistent = [r for r in single if not {"negative", "positive"} <= signs[r[4]]]
    say(f"dropped, same text rated both negative and positive: {len(single) - len(consistent)}")
    seen, kept = set(), []
    for row in consistent:
        # Where sentences belong to documents, the same words in two documents would tie the documents together.
        key = (row[0], normalise(row[4])) if row[2] else (row[0], row[4])
        if key not in seen:
            seen.add(key)
            kept.append(row)
    say(f"dropped, exact repeats (product, editorial: same words): {len(consistent) - len(kept)}")
    return kept


def sentiment(rating):
    """The class of a mean rating in [-4, 4]: neutral within half a point of zero."""
    return "positive" if rating > 0.5 else "negative" if rating < -0.5 else "neutral"


def near_duplicates(texts):
    """Pairs of indices whose word sets have Jaccard index >= NEAR_DUPLICATE (prefix filtering: no pair is missed)."""
    words = [frozenset(normalise(t).split()) for t in texts]
    frequency = Counter(w for s in words for w in s)
    index, pairs = defaultdict(list), []
    for k, mine in enumerate(words):
        if len(mine) < NEAR_DUPLICATE_WORDS:
            continue
        rarest = sorted(mine, key=lambda w: (frequency[w], w))
        candidates = set()
        for w in rarest[: len(mine) - math.ceil(NEAR_DUPLICATE * len(mine)) + 1]:
            candidates.update(index[w])
            index[w].append(k)
        pairs += [(j, k) for j in sorted(candidates) if len(words[j] & mine) >= NEAR_DUPLICATE * len(words[j] | mine)]
    return pairs


def group(rows, say):
    """For every row the key it is split by: that of the first row it is tied to by document, words or near-duplicate."""
    parent = list(range(len(rows)))

    def root(k):
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    def tie(j, k):
        j, k = sorted((root(j), root(k)))
        parent[k] = j

    first = {}
    for k, (source, _, document, _, text) in enumerate(rows):
        tie(first.setdefault((source, document) if document else normalise(text), k), k)
    pairs = near_duplicates([r[4] for r in rows])
    across = sum(root(j) != root(k) for j, k in pairs)
    for j, k in pairs:
        tie(j, k)
    say(f"near-duplicate pairs: {len(pairs)}, of which {across} not yet of one document or wording")

    def key(k):
        source, ident, document, _, _ = rows[k]
        return f"{source}-{document or ident}"

    return [key(root(k)) for k in range(len(rows))]


def build(path, say=lambda line: None):
    """All rows of the table: (id, source, group, split, rating, text)."""
    rows = drop_duplicates(read_archive(path), say)
    table = []
    for (source, ident, _, rating, text), key in zip(rows, group(rows, say)):
        table.append((f"{source}-{ident}", source, key, split_of(key), f"{rating:.6g}", text))
    return table


def encode(table):
    """The table as deterministic gzip: no name, no time."""
    head = "id\tsource\tgroup\tsplit\trating\ttext\n"
    assert not any(re.search(r"[\t\r\n]", field) for row in table for field in row)
    plain = (head + "".join("\t".join(row) + "\n" for row in table)).encode()
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as f:
        f.write(plain)
    return plain, packed.getvalue()


def counts(table):
    """A table of counts by source, sentiment and split, for people."""
    yield f"{'':24}{'train':>8}{'validation':>12}{'test':>8}{'all':>8}"
    cells = Counter()
    for _, source, _, split, rating, _ in table:
        for name in (source, f"  {source} {sentiment(float(rating))}"):
            cells[name, split] += 1
    for name in sorted({n for n, _ in cells}, key=lambda n: (n.split()[0], n.startswith(" "), n)):
        n = [cells[name, s] for s in ("train", "validation", "test")]
        yield f"{name:24}{n[0]:>8}{n[1]:>12}{n[2]:>8}{sum(n):>8}"
    yield f"{'total':24}{len(table):>32}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", help="vaderSentiment-3.3.2.tar.gz")
    parser.add_argument("--check", action="store_true", help="compare with the committed file instead of writing it")
    arguments = parser.parse_args()
    table = build(arguments.archive, print)
    plain, packed = encode(table)
    print("\n".join(counts(table)))
    print(f"table: {len(plain)} bytes, sha256 {hashlib.sha256(plain).hexdigest()}; packed {len(packed)} bytes")
    if not arguments.check:
        OUTPUT.write_bytes(packed)
    elif gzip.decompress(OUTPUT.read_bytes()) != plain:
        sys.exit(f"{OUTPUT} differs from what the archive gives")


if __name__ == "__main__":
    main()
