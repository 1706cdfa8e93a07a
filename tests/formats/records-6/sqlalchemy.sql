BEGIN TRANSACTION;
CREATE TABLE podium_record (
	id VARCHAR(32) NOT NULL, 
	time_us BIGINT NOT NULL, 
	model VARCHAR(255) NOT NULL, 
	version TEXT NOT NULL, 
	inputs TEXT NOT NULL, 
	outputs TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	outcome_number DOUBLE, 
	latency_us BIGINT DEFAULT 0 NOT NULL, 
	source TEXT NOT NULL, 
	actor TEXT, 
	feedback_truth TEXT, 
	feedback_time_us BIGINT, 
	feedback_actor TEXT, 
	feedback_note TEXT, 
	feedback_earlier TEXT, 
	owner TEXT, 
	request_id TEXT, 
	row_index BIGINT DEFAULT 0 NOT NULL, 
	role VARCHAR(16) DEFAULT 'primary' NOT NULL, 
	bundle_digest TEXT, 
	attributes TEXT, 
	business_key VARCHAR(200), 
	outcome_start VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "podium_record" VALUES('019ca9450a0170018000000000000001',1772366400001000,'penguins','1','{"bill_length_mm":39.1,"island":"Torgersen"}','{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}','Adelie',NULL,310,'api',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'primary',NULL,NULL,NULL,'Adelie');
INSERT INTO "podium_record" VALUES('019ca9450a0270028000000000000002',1772366400002000,'penguins','1','{"bill_length_mm":39.1,"island":"Torgersen"}','{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}','1.5',1.5,310,'form','ada',NULL,NULL,NULL,NULL,NULL,'user:7',NULL,0,'primary',NULL,NULL,NULL,'');
INSERT INTO "podium_record" VALUES('019ca9450a0370038000000000000003',1772366400003000,'penguins','1','{"name":"Zoë 🐧"}','{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}','Adelie',NULL,310,'api',NULL,'"Gentoo"',1772366400000000,NULL,'n','[{"truth":"Adelie","time_us":1772366400000000,"actor":"ada","note":""}]',NULL,NULL,0,'primary',NULL,NULL,NULL,'Adelie');
INSERT INTO "podium_record" VALUES('019ca9450a0470048000000000000004',1772366400004000,'penguins','1','{"bill_length_mm":39.1,"island":"Torgersen"}','{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}','Adelie',NULL,310,'api','ada',NULL,NULL,NULL,NULL,NULL,NULL,'019ca9450a0370038000000000000003',1,'shadow','abababababababababababababababababababababababababababababababab','{"a":1}','order é','Adelie');
CREATE INDEX podium_record_by_time ON podium_record (time_us, id);
CREATE INDEX podium_record_by_key ON podium_record (business_key, time_us, id) WHERE business_key IS NOT NULL;
CREATE INDEX podium_record_by_model ON podium_record (model, time_us, id);
CREATE INDEX podium_record_by_feedback ON podium_record (model, time_us, id) WHERE feedback_time_us IS NOT NULL;
CREATE INDEX podium_record_by_outcome ON podium_record (model, outcome_start, time_us, id) WHERE outcome_start != '';
COMMIT;
