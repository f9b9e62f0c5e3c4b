-- A file of schema version 1 with work in every state, as version 1 wrote it (sqlite3's dump of it).
BEGIN TRANSACTION;
CREATE TABLE cursor(name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "cursor" VALUES('reconciler',5);
CREATE TABLE heartbeat(
  component TEXT NOT NULL, instance TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(component, instance)
) STRICT, WITHOUT ROWID;
INSERT INTO "heartbeat" VALUES('reconciler','r1',1700000002000,'{"passes":3}');
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
INSERT INTO "history" VALUES(1,1,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t1","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","open"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(2,2,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t2","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","put_off"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(3,3,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t3","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","half"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(4,4,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t4","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","done"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(5,5,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t5","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","replayed"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(6,6,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t6","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","failed"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(7,7,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t7","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","died"],"attributes":{"size":3}}}');
INSERT INTO "history" VALUES(8,8,1700000000000,'operator:test','because',1,'{}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t8","attempts":0,"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null},"@item":{"address":["source","done"],"attributes":{}}}');
INSERT INTO "history" VALUES(9,2,1700000001000,'worker:test','result',1,'{"a":{"state":"pending","generation":1,"token":"t2"}}','{"a":{"stage":"a","state":"pending","version":"v1","generation":1,"token":"t2","attempts":1,"since_ms":1700000000000,"updated_ms":1700000001000,"not_before_ms":1700000001500,"reason":"busy","retriable":false,"evidence":{"errno":16},"facts":null}}');
INSERT INTO "history" VALUES(10,3,1700000001000,'worker:test','result',1,'{"a":{"state":"pending","generation":1,"token":"t3"}}','{"a":{"stage":"a","state":"completed","version":"v1","generation":1,"token":"t3","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"a":"☂"}},"b":{"stage":"b","state":"pending","version":"v1","generation":1,"token":"t9","attempts":0,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(11,4,1700000001000,'worker:test','result',1,'{"a":{"state":"pending","generation":1,"token":"t4"}}','{"a":{"stage":"a","state":"completed","version":"v1","generation":1,"token":"t4","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"a":1}},"b":{"stage":"b","state":"pending","version":"v1","generation":1,"token":"t10","attempts":0,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(12,4,1700000001000,'worker:test','result',0,'{"b":{"state":"pending","generation":1,"token":"t10"}}','{"b":{"stage":"b","state":"completed","version":"v1","generation":1,"token":"t10","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"b":1}}}');
INSERT INTO "history" VALUES(13,5,1700000001000,'worker:test','result',1,'{"a":{"state":"pending","generation":1,"token":"t5"}}','{"a":{"stage":"a","state":"completed","version":"v1","generation":1,"token":"t5","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"a":1}},"b":{"stage":"b","state":"pending","version":"v1","generation":1,"token":"t11","attempts":0,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(14,5,1700000001000,'worker:test','result',0,'{"b":{"state":"pending","generation":1,"token":"t11"}}','{"b":{"stage":"b","state":"completed","version":"v1","generation":1,"token":"t11","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"b":1}}}');
INSERT INTO "history" VALUES(15,8,1700000001000,'worker:test','result',1,'{"a":{"state":"pending","generation":1,"token":"t8"}}','{"a":{"stage":"a","state":"completed","version":"v1","generation":1,"token":"t8","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"a":1}},"b":{"stage":"b","state":"pending","version":"v1","generation":1,"token":"t12","attempts":0,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(16,8,1700000001000,'worker:test','result',0,'{"b":{"state":"pending","generation":1,"token":"t12"}}','{"b":{"stage":"b","state":"completed","version":"v1","generation":1,"token":"t12","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":{"b":1}}}');
INSERT INTO "history" VALUES(17,6,1700000001000,'worker:test','result',0,'{"a":{"state":"pending","generation":1,"token":"t6"}}','{"a":{"stage":"a","state":"failed","version":"v1","generation":1,"token":"t6","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":"truncated","retriable":true,"evidence":{"bytes":0},"facts":null},"b":{"stage":"b","state":"skipped","version":"v1","generation":1,"token":"","attempts":0,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":"a:truncated","retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(18,7,1700000001000,'worker:test','result',0,'{"a":{"state":"pending","generation":1,"token":"t7"}}','{"a":{"stage":"a","state":"failed","version":"v1","generation":1,"token":"t7","attempts":1,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":"worker_died","retriable":true,"evidence":{"signal":9},"facts":null},"b":{"stage":"b","state":"skipped","version":"v1","generation":1,"token":"","attempts":0,"since_ms":1700000001000,"updated_ms":1700000001000,"not_before_ms":0,"reason":"a:worker_died","retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(19,5,1700000002000,'operator:test','because',1,'{"b":{"state":"completed","generation":1,"token":"t11"}}','{"b":{"stage":"b","state":"pending","version":"v1","generation":2,"token":"t13","attempts":0,"since_ms":1700000002000,"updated_ms":1700000002000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null}}');
INSERT INTO "history" VALUES(20,1,1700000002000,'operator:test','because',1,'{"a":{"state":"pending","generation":1,"token":"t1"}}','{"a":{"stage":"a","state":"pending","version":"v2","generation":1,"token":"t14","attempts":0,"since_ms":1700000000000,"updated_ms":1700000002000,"not_before_ms":0,"reason":null,"retriable":false,"evidence":null,"facts":null}}');
CREATE TABLE item(
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  item TEXT NOT NULL,
  bucket TEXT NOT NULL,
  address TEXT NOT NULL,
  attributes TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
INSERT INTO "item" VALUES(1,'t1','open','source','open','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(2,'t1','put_off','source','put_off','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(3,'t1','half','source','half','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(4,'t1','done','source','done','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(5,'t1','replayed','source','replayed','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(6,'t1','failed','source','failed','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(7,'t1','died','source','died','{"size":3}',1700000000000);
INSERT INTO "item" VALUES(8,'t2','done','source','done','{}',1700000000000);
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('manifest','m1');
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
  facts TEXT
) STRICT;
INSERT INTO "stage" VALUES(1,'a','pending','v2',1,'t14',0,1700000000000,1700000002000,0,NULL,0,NULL,NULL);
INSERT INTO "stage" VALUES(2,'a','pending','v1',1,'t2',1,1700000000000,1700000001000,1700000001500,'busy',0,'{"errno":16}',NULL);
INSERT INTO "stage" VALUES(3,'a','completed','v1',1,'t3',1,1700000001000,1700000001000,0,NULL,0,NULL,'{"a":"☂"}');
INSERT INTO "stage" VALUES(4,'a','completed','v1',1,'t4',1,1700000001000,1700000001000,0,NULL,0,NULL,'{"a":1}');
INSERT INTO "stage" VALUES(5,'a','completed','v1',1,'t5',1,1700000001000,1700000001000,0,NULL,0,NULL,'{"a":1}');
INSERT INTO "stage" VALUES(6,'a','failed','v1',1,'t6',1,1700000001000,1700000001000,0,'truncated',1,'{"bytes":0}',NULL);
INSERT INTO "stage" VALUES(7,'a','failed','v1',1,'t7',1,1700000001000,1700000001000,0,'worker_died',1,'{"signal":9}',NULL);
INSERT INTO "stage" VALUES(8,'a','completed','v1',1,'t8',1,1700000001000,1700000001000,0,NULL,0,NULL,'{"a":1}');
INSERT INTO "stage" VALUES(3,'b','pending','v1',1,'t9',0,1700000001000,1700000001000,0,NULL,0,NULL,NULL);
INSERT INTO "stage" VALUES(4,'b','completed','v1',1,'t10',1,1700000001000,1700000001000,0,NULL,0,NULL,'{"b":1}');
INSERT INTO "stage" VALUES(5,'b','pending','v1',2,'t13',0,1700000002000,1700000002000,0,NULL,0,NULL,NULL);
INSERT INTO "stage" VALUES(8,'b','completed','v1',1,'t12',1,1700000001000,1700000001000,0,NULL,0,NULL,'{"b":1}');
INSERT INTO "stage" VALUES(6,'b','skipped','v1',1,'',0,1700000001000,1700000001000,0,'a:truncated',0,NULL,NULL);
INSERT INTO "stage" VALUES(7,'b','skipped','v1',1,'',0,1700000001000,1700000001000,0,'a:worker_died',0,NULL,NULL);
CREATE TABLE tally(
  tenant TEXT NOT NULL, stage TEXT NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(tenant, stage, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "tally" VALUES('t1','a','completed',3);
INSERT INTO "tally" VALUES('t1','a','failed',2);
INSERT INTO "tally" VALUES('t1','a','pending',2);
INSERT INTO "tally" VALUES('t1','b','completed',1);
INSERT INTO "tally" VALUES('t1','b','pending',2);
INSERT INTO "tally" VALUES('t1','b','skipped',2);
INSERT INTO "tally" VALUES('t2','a','completed',1);
INSERT INTO "tally" VALUES('t2','a','pending',0);
INSERT INTO "tally" VALUES('t2','b','completed',1);
INSERT INTO "tally" VALUES('t2','b','pending',0);
CREATE TABLE tenant(tenant TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "tenant" VALUES('t1',1700000000000);
INSERT INTO "tenant" VALUES('t2',1700000000000);
CREATE UNIQUE INDEX item_key ON item(tenant, item);
CREATE UNIQUE INDEX stage_key ON stage(item_id, stage);
CREATE INDEX stage_open ON stage(stage, since_ms, item_id) WHERE state = 'pending';
CREATE INDEX stage_barrier ON stage(stage, since_ms, item_id) WHERE state = 'waiting' AND reason = 'barrier';
CREATE INDEX history_item ON history(item_id, seq);
PRAGMA user_version=1;
COMMIT;
