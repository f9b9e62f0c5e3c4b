-- Truth: durable, fsynced. Times are epoch milliseconds.

CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Tenants are rows, written with their first item: discovered at run time, never configured.
CREATE TABLE tenant(tenant TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE item(
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  item TEXT NOT NULL,
  bucket TEXT NOT NULL,
  address TEXT NOT NULL,
  attributes TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX item_key ON item(tenant, item);

CREATE TABLE stage(
  item_id INTEGER NOT NULL REFERENCES item(id),
  stage TEXT NOT NULL,
  state TEXT NOT NULL,
  version TEXT NOT NULL,
  generation INTEGER NOT NULL,
  token TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  not_before_ms INTEGER NOT NULL,
  reason TEXT,
  retriable INTEGER NOT NULL,
  evidence TEXT,
  facts TEXT,
  resets INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX stage_key ON stage(item_id, stage);
-- The sweep reads these: its cost follows open and resettable work, not the number of items.
CREATE INDEX stage_open ON stage(stage, since_ms, item_id) WHERE state = 'pending';
CREATE INDEX stage_barrier ON stage(stage, since_ms, item_id) WHERE state = 'waiting' AND reason = 'barrier';
CREATE INDEX stage_failed ON stage(stage, resets, updated_ms, item_id)
  WHERE state = 'failed' AND retriable = 1 AND reason NOT IN ('worker_died', 'timed_out');

-- History is also the change stream: seq is its sequence number, opened says whether something became workable.
CREATE TABLE history(
  seq INTEGER PRIMARY KEY,
  item_id INTEGER NOT NULL REFERENCES item(id),
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL,
  opened INTEGER NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL
) STRICT;
CREATE INDEX history_item ON history(item_id, seq);

-- Counts by state, and of completed records by version ('' for all others), kept in the same transaction as the records
-- they count: status costs tenants × stages × versions.
CREATE TABLE tally(
  tenant TEXT NOT NULL, stage TEXT NOT NULL, state TEXT NOT NULL, version TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(tenant, stage, state, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor(name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeat(
  component TEXT NOT NULL, instance TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(component, instance)
) STRICT, WITHOUT ROWID;

-- Small named records beside the items, written by compare-and-set. The counter outlives them: no revision comes back.
CREATE TABLE document(
  kind TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, updated_ms INTEGER NOT NULL,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE revision(last INTEGER NOT NULL) STRICT;
INSERT INTO revision VALUES (0);
