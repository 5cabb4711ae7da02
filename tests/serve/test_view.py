"""The page of the store, mounted in the endpoint."""

from __future__ import annotations

from importlib.util import find_spec

import httpx
import pytest

from support.backends import EchoBackend

pytestmark = pytest.mark.skipif(find_spec("bestofinf.view") is None, reason="there is no page")


def test_the_page_shows_what_was_asked_a_moment_ago_to_who_has_its_link(endpoint, tmp_path):
    made = endpoint(EchoBackend(), serve=f'store = "{tmp_path / "a.db"}"\nkeep = "all"')
    assert made.ask("Which one is it?").is_success
    link = made.service.view_link.replace(":8000/", f":{made.port}/")
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        assert browser.get(link.partition("?")[0]).status_code == 403
        page = browser.get(link)
        assert page.status_code == 200
        assert "<h1" in page.text
        assert browser.get(str(page.url.join("questions"))).status_code == 200
        evil = browser.get(str(page.url), headers={"host": "evil.example"})
        assert evil.status_code == 400


def test_there_is_no_page_without_a_store_or_where_it_is_not_wanted(endpoint, tmp_path):
    assert endpoint(EchoBackend()).service.view_link is None
    store = tmp_path / "a.db"
    quiet = endpoint(EchoBackend(), serve=f'store = "{store}"\nview = false')
    assert quiet.service.view_link is None
    assert quiet.http.get(quiet.url.removesuffix("/v1") + "/view/").status_code == 404
