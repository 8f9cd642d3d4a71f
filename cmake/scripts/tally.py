"""Counts the results of one or more CTest passes, in the JUnit form that `ctest --output-junit` writes.

    tally.py NAME=RESULTS.xml [NAME=RESULTS.xml ...] [--skipped "WHAT: REASON"] [--filtered]

Prints the output of each failure, the reason of each skip, and the closing line "N passed, N failed, N skipped".
A test case that ran in several passes counts once: failed when it failed in any of them, skipped when no pass
could run it. Exits 1 when something failed or nothing ran.

Beside RESULTS.xml there may be RESULTS-again.xml, of the failed ones when they ran once more, alone. What passed there
counts as passed and is listed as flaky, with the output of the failure.
"""

import argparse
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

SKIPPED_ON_PURPOSE = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")


def status_of(case):
    """CTest also calls "skipped" what it could not start at all, and that is a failure."""
    if case.get("status") == "run":
        return "passed"
    skip = case.find("skipped")
    if skip is not None and skip.get("message", "").startswith(SKIPPED_ON_PURPOSE):
        return "skipped"
    return "failed"


def reason_of(output):
    reasons = re.findall(r"^\[skipped\] (.*)$", output, re.MULTILINE)
    return "; ".join(dict.fromkeys(reasons)) or "no reason given"


def read_pass(name, path, filtered):
    """The results of one pass as (test, status, output); one failure that says so when there are none."""
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return [(f"the pass '{name}'", "failed", f"ctest left no results: {error}")]
    if not cases and not filtered:
        return [(f"the pass '{name}'", "failed", "ctest found no test to run")]
    results = [(case.get("name"), status_of(case), case.findtext("system-out") or "") for case in cases]
    passed_alone = passed_again(path)
    results = [(test, "flaky" if status == "failed" and test in passed_alone else status, output)
               for test, status, output in results]
    # What is set up for tests is none itself, unless it fails.
    return [result for result in results
            if not result[0].startswith("fixture: ") or result[1] in ("failed", "flaky")]


def passed_again(path):
    """The tests that passed when those that had failed ran once more; none where nothing did."""
    again = re.sub(r"\.xml$", "-again.xml", path)
    if not os.path.exists(again):
        return set()
    try:
        cases = ElementTree.parse(again).getroot().iter("testcase")
        return {case.get("name") for case in cases if status_of(case) == "passed"}
    except ElementTree.ParseError:
        return set()


def overall(statuses):
    if "failed" in statuses:
        return "failed"
    return "passed" if statuses & {"passed", "flaky"} else "skipped"


def closing_line(statuses):
    count = Counter("passed" if status == "flaky" else status for status in statuses)
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"


def print_details(passes, skipped_pass):
    for name, results in passes.items():
        for test, status, output in results:
            if status in ("failed", "flaky"):
                print(f"\n{status.upper()} ({name}): {test}\n{output.rstrip()}")
    print()
    for name, results in passes.items():
        for test, status, output in results:
            if status == "skipped":
                print(f"skipped ({name}): {test}: {reason_of(output)}")
    if skipped_pass:
        print(f"skipped: {skipped_pass}")
    for name, results in passes.items():
        for test, status, _ in results:
            if status in ("failed", "flaky"):
                print(f"{status} ({name}): {test}")
    for name, results in passes.items():
        print(f"{name}: {closing_line(status for _, status, _ in results)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("passes", nargs="+", metavar="NAME=RESULTS.xml")
    parser.add_argument("--skipped", metavar="WHAT: REASON", help="a whole pass that could not be made")
    parser.add_argument("--filtered", action="store_true", help="a pass without any test is no failure")
    arguments = parser.parse_args()
    passes = {}
    for argument in arguments.passes:
        name, _, path = argument.partition("=")
        passes[name] = read_pass(name, path, arguments.filtered)
    print_details(passes, arguments.skipped)

    seen = {}
    for results in passes.values():
        for test, status, _ in results:
            seen.setdefault(test, set()).add(status)
    totals = [overall(statuses) for statuses in seen.values()]
    if arguments.skipped:
        totals.append("skipped")
    print(closing_line(totals))
    return 1 if "failed" in totals or not seen else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
