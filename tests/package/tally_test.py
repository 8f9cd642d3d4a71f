"""What cmake/scripts/tally.py makes of CTest's results: it decides whether a build is green, so it is tested itself."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TALLY = Path(__file__).resolve().parents[2] / "cmake" / "scripts" / "tally.py"

PASSED = '<testcase name="{}" status="run"><system-out>fine</system-out></testcase>'
FAILED = '<testcase name="{}" status="fail"><failure/><system-out>what went wrong</system-out></testcase>'
SKIPPED = (
    '<testcase name="{}" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>'
    "<system-out>Filters: x\n[skipped] no engine here\n</system-out></testcase>"
)
NOT_BUILT = (
    '<testcase name="{}" status="notrun"><skipped message="Unable to find executable"/>'
    "<system-out>Unable to find executable: x</system-out></testcase>"
)


class Tally(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, *cases):
        file = self.folder / f"{name}.xml"
        file.write_text("<testsuite>" + "".join(cases) + "</testsuite>")
        return f"{name}={file}"

    def tally(self, *arguments):
        done = subprocess.run([sys.executable, TALLY, *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines()

    def test_a_case_of_two_passes_counts_once_and_fails_when_one_of_them_fails(self):
        code, lines = self.tally(
            self.write("root", PASSED.format("a"), PASSED.format("b")),
            self.write("user", PASSED.format("a"), FAILED.format("b")),
        )
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("what went wrong", lines)
        self.assertIn("user: 1 passed, 1 failed, 0 skipped", lines)

    def test_a_skip_is_counted_and_named_with_its_reason(self):
        code, lines = self.tally(self.write("user", PASSED.format("a"), SKIPPED.format("b")))
        self.assertEqual((code, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped (user): b: no engine here", lines)

    def test_what_only_one_pass_could_run_has_passed(self):
        code, lines = self.tally(self.write("root", PASSED.format("a")), self.write("user", SKIPPED.format("a")))
        self.assertEqual((code, lines[-1]), (0, "1 passed, 0 failed, 0 skipped"))
        self.assertIn("skipped (user): a: no engine here", lines)

    def test_a_test_that_was_not_built_has_failed(self):
        code, lines = self.tally(self.write("user", NOT_BUILT.format("a")))
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_pass_without_a_test_has_failed_unless_the_tests_were_filtered(self):
        root, user = self.write("root", PASSED.format("a")), self.write("user")
        self.assertEqual(self.tally(root, user)[0], 1)
        self.assertEqual(self.tally("--filtered", root, user)[0], 0)
        self.assertEqual(self.tally("--filtered", user)[0], 1)

    def test_what_fails_beside_others_and_passes_alone_is_flaky(self):
        root = self.write("root", FAILED.format("a"), FAILED.format("b"), PASSED.format("c"))
        self.write("root-again", PASSED.format("a"), FAILED.format("b"))
        code, lines = self.tally(root)
        self.assertEqual((code, lines[-1]), (1, "2 passed, 1 failed, 0 skipped"))
        self.assertIn("flaky (root): a", lines)
        self.assertIn("FLAKY (root): a", lines)
        self.assertIn("failed (root): b", lines)
        user = self.write("user", FAILED.format("a"))
        self.write("user-again", PASSED.format("a"))
        self.assertEqual(self.tally(user)[0], 0)
        # Of another pass it says nothing.
        self.assertEqual(self.tally(user, self.write("nobody", FAILED.format("a")))[0], 1)

    def test_what_does_not_run_again_has_failed(self):
        user = self.write("user", FAILED.format("a"))
        self.write("user-again", SKIPPED.format("a"))
        self.assertEqual(self.tally(user)[0], 1)

    def test_missing_results_have_failed(self):
        code, lines = self.tally("root=" + str(self.folder / "none.xml"))
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_whole_pass_that_could_not_be_made_is_a_skip(self):
        code, lines = self.tally(self.write("root", PASSED.format("a")), "--skipped", "the user: not allowed")
        self.assertEqual((code, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped: the user: not allowed", lines)


if __name__ == "__main__":
    unittest.main()
