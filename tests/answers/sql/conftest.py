"""One shop in two databases."""

import sqlite3

import pytest
from sqlalchemy import create_engine

from support import postgres

SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, amount NUMERIC(8, 2), paid DATE);
CREATE TABLE items (order_id INTEGER, product TEXT, price DOUBLE PRECISION, quantity INTEGER);
INSERT INTO customers VALUES (1, 'Ada', 'Oslo'), (2, 'Ben', 'Rome'), (3, 'Cy', NULL), (4, 'Dee', 'Oslo');
INSERT INTO orders VALUES (1, 1, 10.50, '2024-01-05'), (2, 1, 20.00, '2024-02-01'),
  (3, 2, 20.00, NULL), (4, 3, 5.25, '2024-02-01'), (5, 2, 0.10, '2023-12-31');
INSERT INTO items VALUES (1, 'pen', 0.1, 3), (1, 'ink', 10.2, 1), (2, 'pen', 0.1, 200),
  (3, 'lamp', 20.0, 1), (4, 'pen', 0.75, 7), (5, 'pen', 0.1, 1);
"""


@pytest.fixture(scope="session")
def sqlite_shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(SHOP)
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_shop():
    reason = postgres.reason_not_to_run()
    if reason is not None:
        pytest.skip(reason)
    server = postgres.Server()
    url = server.fresh_database()
    engine = create_engine(url.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        for statement in SHOP.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    engine.dispose()
    yield url
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request):
    """The address of the shop, in either kind of database."""
    return request.getfixturevalue("sqlite_shop" if request.param == "sqlite" else "postgres_shop")
