#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up what `meson test` left behind: summary.py MESON_LOGS
Prints every skipped case with its reason, then 'N passed, N failed, N skipped'. A program that died
or timed out counts as one failed case more. Exit status 1 when a case failed or none ran."""
import json
import sys
import xml.etree.ElementTree as ElementTree


def main(logs):
    passed = failed = skipped = 0
    failing = set()
    for suite in ElementTree.parse(f"{logs}/testlog.junit.xml").getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                failing.add(suite.get("name"))
                print(f"failed: {suite.get('name')}.{case.get('name')}")
            elif case.find("skipped") is not None or case.get("result") == "skipped":
                skipped += 1
                reason = case.find("skipped")
                why = (reason.get("message") or "").split("\n")[-1] if reason is not None else ""
                print(f"skipped: {suite.get('name')}.{case.get('name')}: {why}")
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
