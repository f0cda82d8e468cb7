-- +goose NO TRANSACTION
-- +goose Up

-- When the entries of a change end, if they do, and which entries end when. The second is
-- read over all accounts in the order of time.

CREATE TABLE IF NOT EXISTS change_end (
	app  BINARY(18)      NOT NULL,
	seq  BIGINT UNSIGNED NOT NULL,
	ends BIGINT          NOT NULL,
	PRIMARY KEY (app, seq) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS entry_end (
	app    BINARY(18) NOT NULL,
	openid BINARY(28) NOT NULL,
	ends   BIGINT     NOT NULL,
	PRIMARY KEY (app, openid) /*T![clustered_index] CLUSTERED */,
	KEY ends (ends, app, openid)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
