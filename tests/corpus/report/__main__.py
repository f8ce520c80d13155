"""`python -m corpus.report`: ask every tool of the corpus, keep what they say, and write docs/corpus.md.

Takes minutes, and needs what `just corpus` builds.
"""

import sys

from corpus.report import record
from corpus.report.others import Bench, ask
from corpus.report.ours import false_alarms, judge_all
from corpus.report.page import PAGE, Figures, corpus_page
from corpus.report.tools import tools


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


with tools() as every:
    record.save(ask(Bench(every), _tell))
page = corpus_page(Figures(judge_all(), false_alarms(), record.load()))
PAGE.write_text(page, encoding="utf-8")
sys.stdout.write(page[page.index("## In short") : page.index("## A case in five lines")])
