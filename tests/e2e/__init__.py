"""Browser tests: the console in headless Chromium against the whole system."""
