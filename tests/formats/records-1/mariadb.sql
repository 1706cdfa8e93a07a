CREATE TABLE podium_record (
    id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, 
    time_us BIGINT NOT NULL, 
    model VARCHAR(255) NOT NULL, 
    version LONGTEXT NOT NULL, 
    inputs LONGTEXT NOT NULL, 
    outputs LONGTEXT NOT NULL, 
    outcome LONGTEXT NOT NULL, 
    outcome_start VARCHAR(64) NOT NULL, 
    outcome_number DOUBLE, 
    latency_us BIGINT NOT NULL, 
    source LONGTEXT NOT NULL, 
    actor LONGTEXT, 
    feedback_truth LONGTEXT, 
    feedback_time_us BIGINT, 
    feedback_actor LONGTEXT, 
    feedback_note LONGTEXT, 
    owner LONGTEXT, 
    PRIMARY KEY (id)
)CHARSET=utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX podium_record_by_outcome ON podium_record (model, outcome_start, time_us, id);
CREATE INDEX podium_record_by_model ON podium_record (model, time_us, id);
CREATE INDEX podium_record_by_time ON podium_record (time_us, id);
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_start, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, owner) VALUES ('019ca9450a0170018000000000000001', 1772366400001000, 'penguins', '1', '{"bill_length_mm":39.1,"island":"Torgersen"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', 'Adelie', 'Adelie', NULL, 310, 'api', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_start, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, owner) VALUES ('019ca9450a0270028000000000000002', 1772366400002000, 'penguins', '1', '{"bill_length_mm":39.1,"island":"Torgersen"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', '1.5', '1.5', 1.5, 310, 'form', 'ada', NULL, NULL, NULL, NULL, 'user:7');
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_start, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, owner) VALUES ('019ca9450a0370038000000000000003', 1772366400003000, 'penguins', '1', '{"name":"Zoë 🐧"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', 'Adelie', 'Adelie', NULL, 310, 'api', NULL, '"Gentoo"', 1772366400000000, NULL, 'n', NULL);
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_start, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, owner) VALUES ('019ca9450a0470048000000000000004', 1772366400004000, 'penguins', '1', '{"bill_length_mm":39.1,"island":"Torgersen"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', 'Adelie', 'Adelie', NULL, 310, 'api', 'ada', NULL, NULL, NULL, NULL, NULL);
