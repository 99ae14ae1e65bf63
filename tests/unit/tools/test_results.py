"""The last line of tools/test is only as good as this count."""

from stafett_stack.results import Count

CTEST = """<testsuite>
<testcase name="good" status="run"><system-out>[  PASSED  ] 3 tests.\n</system-out></testcase>
<testcase name="plain" status="run"><system-out>ok\n</system-out></testcase>
<testcase name="bad" status="fail"><failure/><system-out>[ RUN      ] A.a\n[       OK ] A.a (0 ms)\n[ RUN      ] A.b\na.cc:7: Failure
[  FAILED  ] A.b (3 ms)\n[  PASSED  ] 2 tests.\n[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.b\n</system-out></testcase>
<testcase name="skip" status="run"><system-out>[  SKIPPED ] A.c (0 ms)\n[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:\n[  SKIPPED ] A.c\n</system-out></testcase>
<testcase name="crash" status="fail"><failure/><system-out>[ RUN      ] A.d\n</system-out></testcase>
<testcase name="race" status="fail"><failure/><system-out>[ RUN      ] A.e\nWARNING: ThreadSanitizer: data race
[       OK ] A.e (0 ms)\n[  PASSED  ] 1 test.\n</system-out></testcase>
<testcase name="absent" status="notrun"><skipped/></testcase>
</testsuite>"""

PYTEST = """<testsuites><testsuite>
<testcase classname="tests.a" name="good"/>
<testcase classname="tests.a" name="bad"><failure/></testcase>
<testcase classname="tests.a" name="setup"><error/></testcase>
<testcase classname="tests.a" name="left_out"><skipped/></testcase>
</testsuite></testsuites>"""


def test_ctest_with_gtest_inside(tmp_path):
    report = tmp_path / "ctest.xml"
    report.write_text(CTEST)
    count = Count()
    count.add_ctest(report, "dev")
    assert (count.passed, count.failed) == (3 + 1 + 2 + 1 + 1, 5)
    assert count.names == [
        "dev: bad: A.b", "dev: skip: A.c was skipped", "dev: crash (fail)", "dev: race (fail)", "dev: absent (notrun)"
    ]  # fmt: skip
    said, crashed, raced = count.words
    assert (said, crashed) == ("A.b:\na.cc:7: Failure\n", "[ RUN      ] A.d\n")
    assert raced.startswith("WARNING: ThreadSanitizer: data race")


def test_pytest(tmp_path):
    report = tmp_path / "pytest.xml"
    report.write_text(PYTEST)
    count = Count()
    count.add_pytest(report)
    assert (count.passed, count.failed) == (1, 3)
    assert count.names == ["tests.a.bad", "tests.a.setup", "tests.a.left_out was skipped"]


def test_a_report_that_was_never_written_counts_nothing(tmp_path):
    count = Count()
    count.add_ctest(tmp_path / "none.xml", "dev")
    assert (count.passed, count.failed) == (0, 0)
