"""The desk's own knowledge base."""

from __future__ import annotations

from desk.formats import lookup, matches, page
from desk.store import Record, Store


def search_articles(store: Store, query: str, cursor: str | None = None) -> Record:
    found = [
        {"article_id": row["article_id"], "title": row["title"]}
        for row in store.rows("articles")
        if matches(query, row["title"], row["body"])
    ]
    return page("articles", found, cursor)


def get_article(store: Store, article_id: str) -> Record:
    return dict(lookup(store, "article_id", article_id))
