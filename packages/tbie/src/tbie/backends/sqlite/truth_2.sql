-- From version 1 of truth.sql to version 2. The result must be what truth.sql makes (a test compares the two).

ALTER TABLE stage ADD COLUMN resets INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stage_failed ON stage(stage, resets, updated_ms, item_id)
  WHERE state = 'failed' AND retriable = 1 AND reason NOT IN ('worker_died', 'timed_out');

-- Counted anew, since version 1 did not count by version: one pass over the records, a second or two for a million.
DROP TABLE tally;
CREATE TABLE tally(
  tenant TEXT NOT NULL, stage TEXT NOT NULL, state TEXT NOT NULL, version TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(tenant, stage, state, version)
) STRICT, WITHOUT ROWID;
INSERT INTO tally
  SELECT i.tenant, s.stage, s.state, iif(s.state = 'completed', s.version, '') AS counted, count(*)
  FROM stage s JOIN item i ON i.id = s.item_id GROUP BY i.tenant, s.stage, s.state, counted;

-- Small named records beside the items, written by compare-and-set. The counter outlives them: no revision comes back.
CREATE TABLE document(
  kind TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, updated_ms INTEGER NOT NULL,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE revision(last INTEGER NOT NULL) STRICT;
INSERT INTO revision VALUES (0);
