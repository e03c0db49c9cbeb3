"""From one result format to the next: what becomes of a record that an earlier version has stored.

`records.FORMAT` is raised when a result of the same spec would mean something else. With it goes a step here, which is
given the key and the record of the format before and returns those of the next, or None where the old result means
nothing any more; it is then kept in the copy that is set aside, and computed again when it is asked for.

Most steps need the new key, and so the spec itself. One that carries over all trainings and drops the rest reads

    def from_1_to_2(key, record):
        spec = runs.revive(record["kind"], record["spec"])
        return (records.key(spec, 2), record) if record["kind"] == "Training" else None

with `runs` and `records` imported from this package. `invlab.formats` finds the table by name.
"""

from __future__ import annotations

from invlab.formats import Step

# The version that wrote a record: what carries it to the next version.
MIGRATIONS: dict[int, Step] = {}
