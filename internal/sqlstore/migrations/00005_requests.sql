-- +goose NO TRANSACTION
-- +goose Up

-- Requests that were applied, for as long as they are remembered: what was asked for, and
-- the change that was made, 0 where there was nothing to be changed.

CREATE TABLE IF NOT EXISTS applied (
	app     BINARY(18)      NOT NULL,
	id      BINARY(16)      NOT NULL,
	content BINARY(16)      NOT NULL,
	at      BIGINT          NOT NULL,
	seq     BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (app, id) /*T![clustered_index] CLUSTERED */,
	KEY at (at)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
