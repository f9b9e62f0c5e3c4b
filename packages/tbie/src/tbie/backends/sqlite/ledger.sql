-- The ledger: may be deleted at any moment; what is lost is an account of decisions, never work.

-- seq grows with each decision, also with one that prolongs an entry: the smallest was true longest ago and goes first.
CREATE TABLE entry(
  seq INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  item TEXT NOT NULL,
  stage TEXT NOT NULL,
  token TEXT NOT NULL,
  action TEXT NOT NULL,
  reason TEXT NOT NULL,
  evidence TEXT NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  times INTEGER NOT NULL
) STRICT;
CREATE INDEX entry_item ON entry(tenant, item, stage, seq);
