BEGIN TRANSACTION;
CREATE TABLE bestofinf_calls (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	question_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	fixed BOOLEAN NOT NULL, 
	rule TEXT NOT NULL, 
	answer TEXT, 
	confidence DOUBLE, 
	reason TEXT, 
	winner_member TEXT, 
	seconds DOUBLE, 
	started_at DOUBLE NOT NULL, 
	details TEXT, 
	UNIQUE (id), 
	FOREIGN KEY(question_id) REFERENCES bestofinf_questions (id) ON DELETE CASCADE
);
INSERT INTO "bestofinf_calls" VALUES(1,'call-1','q-1','ensemble',0,'ahead-by|max-samples:n=64','5',0.9,'ahead-by: lead of 3','gpt',2.5,2.0,'{"tags": []}');
CREATE TABLE bestofinf_labels (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	question_id TEXT NOT NULL, 
	call_id TEXT, 
	answer TEXT, 
	correct BOOLEAN NOT NULL, 
	source TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	UNIQUE (id), 
	FOREIGN KEY(question_id) REFERENCES bestofinf_questions (id) ON DELETE CASCADE
);
INSERT INTO "bestofinf_labels" VALUES(1,'label-1','q-1','call-1','5',1,'Ada',3.0);
CREATE TABLE bestofinf_meta (
	"key" VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "bestofinf_meta" VALUES('version','1');
CREATE TABLE bestofinf_questions (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	prompt_hash VARCHAR(64), 
	prompt TEXT, 
	dataset TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	UNIQUE (id)
);
INSERT INTO "bestofinf_questions" VALUES(1,'q-1','abababababababababababababababababababababababababababababababab','What is 2 + 3?','sums',1.5);
CREATE TABLE bestofinf_samples (
	call_id TEXT NOT NULL, 
	draw INTEGER NOT NULL, 
	member TEXT NOT NULL, 
	answer TEXT, 
	text TEXT, 
	tokens BIGINT, 
	input_tokens BIGINT, 
	cost DOUBLE, 
	seconds DOUBLE, 
	score DOUBLE, 
	weight DOUBLE, 
	error TEXT, 
	counted BOOLEAN NOT NULL, 
	PRIMARY KEY (call_id, draw), 
	FOREIGN KEY(call_id) REFERENCES bestofinf_calls (id) ON DELETE CASCADE
);
INSERT INTO "bestofinf_samples" VALUES('call-1',0,'gpt','5','It is 5.',4,9,0.25,0.5,0.75,0.6,NULL,1);
INSERT INTO "bestofinf_samples" VALUES('call-1',1,'gpt',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'TimeoutError',0);
CREATE INDEX ix_bestofinf_questions_prompt_hash ON bestofinf_questions (prompt_hash);
CREATE INDEX ix_bestofinf_calls_question_id ON bestofinf_calls (question_id);
CREATE INDEX ix_bestofinf_labels_question_id ON bestofinf_labels (question_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('bestofinf_questions',1);
INSERT INTO "sqlite_sequence" VALUES('bestofinf_calls',1);
INSERT INTO "sqlite_sequence" VALUES('bestofinf_labels',1);
COMMIT;
