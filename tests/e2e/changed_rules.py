"""The rule file with rows changed as data, for tests of what a change would mean."""

import yaml

from stafett_stack.paths import POLICY


def rules_with(file, change_rows):
    """Writes the rules as `change_rows` gives them back, and returns the file."""
    document = yaml.safe_load(POLICY.read_text())
    document["rules"] = change_rows(document["rules"])
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    return file


def with_categories(row_id, change):
    """For rules_with: changes the categories of one row in place."""

    def changed(rows):
        (row,) = (row for row in rows if row["id"] == row_id)
        change(row["categories"])
        return rows

    return changed


def no_educ(rows):
    """What schools may tell with consent (T020), without EDUC."""
    return with_categories("T020", lambda categories: categories.remove("EDUC"))(rows)
