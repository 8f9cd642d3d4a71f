"""A folder of core/dstack includes only what its library may use: what DEPENDS of its CMakeLists.txt leads to.

A call against that order does not link; a value or a template that is taken against it would not be noticed.
"""

import re
import unittest
from pathlib import Path

CORE = Path(__file__).resolve().parents[2] / "core"
LIBRARY = re.compile(r"dstack_core_library\((\S+)(.*?)\n?\)", re.DOTALL)
INCLUDE = re.compile(r'^#include "dstack/([^"]+)/[^"/]+"', re.MULTILINE)  # those of the SDK have no folder


def libraries():
    """The folders that each library names."""
    found = {}
    for file in CORE.rglob("CMakeLists.txt"):
        for name, rest in LIBRARY.findall(file.read_text()):
            depends = re.search(r"DEPENDS ([^\n)]*)", rest)
            found[name] = depends.group(1).split() if depends else []
    return found


def reached(name, depends):
    """All that a library sees, by way of others too."""
    seen, waiting = set(), [name]
    while waiting:
        folder = waiting.pop()
        if folder not in seen:
            seen.add(folder)
            waiting += depends.get(folder, [])
    return seen


class Includes(unittest.TestCase):
    def test_every_include_follows_the_order_of_the_libraries(self):
        depends = libraries()
        self.assertGreater(len(depends), 20)
        wrong = []
        for file in sorted(CORE.rglob("*.[hc]pp")):
            folder = str(file.parent.relative_to(CORE / "dstack"))
            self.assertIn(folder, depends, f"{file.name} lies in a folder without a library")
            seen = reached(folder, depends)
            for include in INCLUDE.findall(file.read_text()):
                if include not in seen:
                    wrong.append(f"{folder}/{file.name} includes a header of {include}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
