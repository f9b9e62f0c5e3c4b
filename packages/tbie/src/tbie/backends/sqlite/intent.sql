-- Intent: may be deleted at any moment; Truth rebuilds it. visible_ms is 0 for a message that is ready now,
-- so that ready messages sort by rank (their turn among tenants) and hidden ones by the time they come back.

CREATE TABLE message(
  id INTEGER PRIMARY KEY,
  stage TEXT NOT NULL,
  tenant TEXT NOT NULL,
  item TEXT NOT NULL,
  token TEXT NOT NULL,
  generation INTEGER NOT NULL,
  version TEXT NOT NULL,
  bucket TEXT NOT NULL,
  address TEXT NOT NULL,
  expected TEXT NOT NULL,
  visible_ms INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  receives INTEGER NOT NULL,
  receipt INTEGER NOT NULL,
  owner TEXT,
  sent_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_key ON message(tenant, item, stage);
CREATE INDEX message_ready ON message(stage, visible_ms, rank);
CREATE INDEX message_owner ON message(owner) WHERE owner IS NOT NULL;

CREATE TABLE dead(
  stage TEXT NOT NULL,
  tenant TEXT NOT NULL,
  item TEXT NOT NULL,
  token TEXT NOT NULL,
  generation INTEGER NOT NULL,
  version TEXT NOT NULL,
  bucket TEXT NOT NULL,
  address TEXT NOT NULL,
  expected TEXT NOT NULL,
  receives INTEGER NOT NULL,
  died_ms INTEGER NOT NULL,
  reason TEXT NOT NULL,
  evidence TEXT NOT NULL,
  PRIMARY KEY(stage, tenant, item)
) STRICT, WITHOUT ROWID;

-- Whose turn it is: a tenant's next message ranks behind its last one and not before the present (fair queuing).
CREATE TABLE turn(
  stage TEXT NOT NULL, tenant TEXT NOT NULL, rank INTEGER NOT NULL, PRIMARY KEY(stage, tenant)
) STRICT, WITHOUT ROWID;
CREATE TABLE present(stage TEXT PRIMARY KEY, rank INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE receipt(last INTEGER NOT NULL) STRICT;
-- Begins anywhere: whoever still holds a receipt of a file that was deleted must not settle messages of this one by it.
INSERT INTO receipt VALUES (random() & 0x0FFFFFFFFFFF0000);
