"""What tests of applications do in a browser: a headless Chromium, driven by its own driver.

Each script makes one page() and ends it; a page waits for what it is asked for, for a minute at most.
"""

import contextlib
import shutil
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=1200,900"]


class Page:
    def __init__(self, browser):
        self.browser = browser

    def wait(self, condition, what):
        try:
            return WebDriverWait(self.browser, 90, ignored_exceptions=[Exception]).until(
                lambda browser: condition())
        except Exception:
            sys.exit("the page never had %s; it shows:\n%s" % (what, self.text()))

    def text(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def wait_for_text(self, text):
        self.wait(lambda: text in self.text(), "the text %r" % text)

    def find(self, selector):
        return self.wait(lambda: self.browser.find_element(By.CSS_SELECTOR, selector), selector)


@contextlib.contextmanager
def page(address):
    with started() as browser:
        browser.get(address)
        yield Page(browser)


@contextlib.contextmanager
def chromium():
    """Gives a function that opens an address and returns the text of its page."""
    with started() as browser:
        def visit(address):
            browser.get(address)
            return Page(browser).text()

        yield visit


@contextlib.contextmanager
def started():
    profile = tempfile.mkdtemp(prefix="dstack-test-chromium-")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS + ["--user-data-dir=" + profile]:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield browser
    finally:
        browser.quit()
        shutil.rmtree(profile, ignore_errors=True)
