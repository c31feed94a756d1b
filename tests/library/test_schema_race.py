"""A catalog that another makes between two looks at it is a catalog, at whatever moment that is."""

from __future__ import annotations

import sqlite3

import pytest

from mqwen.library.schema import VERSION, migrate, version_of


class MeantimeMade:
    """A connection to a new file that another connection makes a catalog of, before the given statement."""

    def __init__(self, path, before):
        self._path, self._left = path, before
        self._db = sqlite3.connect(path, isolation_level=None)

    def execute(self, statement):
        if self._left == 0:
            other = sqlite3.connect(self._path, isolation_level=None)
            migrate(other, self._path)
            other.close()
        self._left -= 1
        return self._db.execute(statement)


@pytest.mark.parametrize("before", range(4))
def test_no_moment_makes_it_another_programs_file(tmp_path, before):
    db = MeantimeMade(tmp_path / "catalog.db", before)
    assert version_of(db, tmp_path / "catalog.db") in (0, VERSION)
    assert db._left < 0 or before == 3
    db._db.close()
