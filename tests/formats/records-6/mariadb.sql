CREATE TABLE podium_record (
    id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, 
    time_us BIGINT NOT NULL, 
    model VARCHAR(255) NOT NULL, 
    version LONGTEXT NOT NULL, 
    inputs LONGTEXT NOT NULL, 
    outputs LONGTEXT NOT NULL, 
    outcome LONGTEXT NOT NULL, 
    outcome_number DOUBLE, 
    latency_us BIGINT NOT NULL DEFAULT 0, 
    source LONGTEXT NOT NULL, 
    actor LONGTEXT, 
    feedback_truth LONGTEXT, 
    feedback_time_us BIGINT, 
    feedback_actor LONGTEXT, 
    feedback_note LONGTEXT, 
    feedback_earlier LONGTEXT, 
    owner LONGTEXT, 
    request_id LONGTEXT, 
    row_index BIGINT NOT NULL DEFAULT 0, 
    `role` VARCHAR(16) NOT NULL DEFAULT 'primary', 
    bundle_digest LONGTEXT, 
    attributes LONGTEXT, 
    business_key VARCHAR(200), 
    outcome_start VARCHAR(64) NOT NULL, 
    PRIMARY KEY (id)
)CHARSET=utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX podium_record_by_key ON podium_record (business_key, time_us, id);
CREATE INDEX podium_record_by_outcome ON podium_record (model, outcome_start, time_us, id);
CREATE INDEX podium_record_by_model ON podium_record (model, time_us, id);
CREATE INDEX podium_record_by_time ON podium_record (time_us, id);
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, feedback_earlier, owner, request_id, row_index, `role`, bundle_digest, attributes, business_key, outcome_start) VALUES ('019ca9450a0170018000000000000001', 1772366400001000, 'penguins', '1', '{"bill_length_mm":39.1,"island":"Torgersen"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', 'Adelie', NULL, 310, 'api', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'primary', NULL, NULL, NULL, 'Adelie');
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, feedback_earlier, owner, request_id, row_index, `role`, bundle_digest, attributes, business_key, outcome_start) VALUES ('019ca9450a0270028000000000000002', 1772366400002000, 'penguins', '1', '{"bill_length_mm":39.1,"island":"Torgersen"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', '1.5', 1.5, 310, 'form', 'ada', NULL, NULL, NULL, NULL, NULL, 'user:7', NULL, 0, 'primary', NULL, NULL, NULL, '1.5');
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, feedback_earlier, owner, request_id, row_index, `role`, bundle_digest, attributes, business_key, outcome_start) VALUES ('019ca9450a0370038000000000000003', 1772366400003000, 'penguins', '1', '{"name":"Zoë 🐧"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', 'Adelie', NULL, 310, 'api', NULL, '"Gentoo"', 1772366400000000, NULL, 'n', '[{"truth":"Adelie","time_us":1772366400000000,"actor":"ada","note":""}]', NULL, NULL, 0, 'primary', NULL, NULL, NULL, 'Adelie');
INSERT INTO podium_record (id, time_us, model, version, inputs, outputs, outcome, outcome_number, latency_us, source, actor, feedback_truth, feedback_time_us, feedback_actor, feedback_note, feedback_earlier, owner, request_id, row_index, `role`, bundle_digest, attributes, business_key, outcome_start) VALUES ('019ca9450a0470048000000000000004', 1772366400004000, 'penguins', '1', '{"bill_length_mm":39.1,"island":"Torgersen"}', '{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}', 'Adelie', NULL, 310, 'api', 'ada', NULL, NULL, NULL, NULL, NULL, NULL, '019ca9450a0370038000000000000003', 1, 'shadow', 'abababababababababababababababababababababababababababababababab', '{"a":1}', 'order é', 'Adelie');
