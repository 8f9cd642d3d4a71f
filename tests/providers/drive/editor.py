"""editor.py ADDRESS PASSWORD NAME TEXT: logs in at code-server, finds file NAME in the explorer, opens it, and sees
TEXT in the editor."""

import sys

from selenium.webdriver.common.by import By

from page import page

address, password, name, text = sys.argv[1:]
with page(address) as the_page:
    field = the_page.find("input[type=password]")
    field.send_keys(password)
    field.submit()
    entry = the_page.wait(
        lambda: [e for e in the_page.browser.find_elements(By.CSS_SELECTOR, ".explorer-folders-view .label-name")
                 if e.text == name], "the file %r" % name)[0]
    entry.click()
    the_page.wait(lambda: text in the_page.browser.find_element(By.CSS_SELECTOR, ".monaco-editor .view-lines").text
                  .replace("\xa0", " "), "the text %r in the editor" % text)
