#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up what `meson test` left behind: summary.py MESON_LOGS
Prints every skipped case with its reason, then 'N passed, N failed, N skipped'. A program that died
or timed out counts as one failed case more. Exit status 1 when a case failed or none ran."""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree


def reason_of(case):
    """Of a skipped case: GoogleTest's message, or the last line that a program printed."""
    skipped = case.find("skipped")
    message = skipped.get("message") if skipped is not None else None
    return (message or case.findtext("system-out") or "").rstrip().split("\n")[-1]


def read_junit(path):
    """Meson writes what programs printed as it is, also what XML cannot hold."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return ElementTree.fromstring(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text))


def main(logs):
    passed = failed = skipped = 0
    failing = set()
    for suite in read_junit(f"{logs}/testlog.junit.xml").iter("testsuite"):
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                failing.add(suite.get("name"))
                print(f"failed: {suite.get('name')}.{case.get('name')}")
            elif case.find("skipped") is not None or case.get("result") == "skipped":
                skipped += 1
                print(f"skipped: {suite.get('name')}.{case.get('name')}: {reason_of(case)}")
            else:
                passed += 1
    bad = 0
    with open(f"{logs}/testlog.json", encoding="utf-8") as lines:
        for run in map(json.loads, lines):
            if run["result"] not in ("OK", "SKIP", "EXPECTEDFAIL"):
                bad += 1
                print(f"failed program: {run['name']} ({run['result']})")
    failed = max(failed, bad)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
