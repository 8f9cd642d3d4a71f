"""visit.py BROWSER ADDRESS...: opens the addresses one after the other in one profile of chromium or firefox, and prints
the text of each page on a line."""

import sys

from firefox import firefox
from page import chromium

browser, *addresses = sys.argv[1:]
with {"chromium": chromium, "firefox": firefox}[browser]() as visit:
    for address in addresses:
        print(visit(address).strip().replace("\n", " "), flush=True)
