"""Labels given on the page, by its forms."""

import re


def shown(page):
    """Return the number of the question on a page; None where nothing is left."""
    found = re.search(r'name="number" value="(\d+)"', page)
    return int(found[1]) if found else None


def send(browser, access, do, number=None, **fields):
    if number is not None:
        fields["number"] = str(number)
    fields = {"word": access.form, "order": "asked", "do": do} | fields
    answer = browser.post("/label", data=fields)
    assert answer.status_code == 200, answer.text
    return answer.text
