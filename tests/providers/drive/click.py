"""click.py ADDRESS BEFORE BUTTON AFTER: the page shows BEFORE; a click on BUTTON makes it show AFTER."""

import sys

from selenium.webdriver.common.by import By

from page import page

address, before, button, after = sys.argv[1:]
with page(address) as the_page:
    the_page.wait_for_text(before)
    if after in the_page.text():
        sys.exit("the page shows %r already before the click" % after)
    the_page.wait(
        lambda: [b for b in the_page.browser.find_elements(By.TAG_NAME, "button") if button in b.text],
        "a button %r" % button)[0].click()
    the_page.wait_for_text(after)
