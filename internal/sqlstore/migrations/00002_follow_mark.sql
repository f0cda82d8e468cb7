-- +goose NO TRANSACTION
-- +goose Up

-- One mark in an account's own row was written over by the next write of its
-- followers: account.followed is not read any more.

CREATE TABLE IF NOT EXISTS follow_mark (
	app  BINARY(18) NOT NULL,
	mark BINARY(16) NOT NULL,
	at   BIGINT     NOT NULL,
	PRIMARY KEY (app, mark) /*T![clustered_index] CLUSTERED */,
	KEY at (at)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
