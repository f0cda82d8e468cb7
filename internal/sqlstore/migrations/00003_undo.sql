-- +goose NO TRANSACTION
-- +goose Up

-- Tables of their own, as not every engine adds a column only where it is not there
-- yet: which change another one undoes, and the change that an entry belongs to, where
-- it is another than the block before.

CREATE TABLE IF NOT EXISTS undone (
	app    BINARY(18)      NOT NULL,
	seq    BIGINT UNSIGNED NOT NULL,
	undoes BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (app, seq) /*T![clustered_index] CLUSTERED */,
	KEY undoes (app, undoes)
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS given_back (
	app    BINARY(18)      NOT NULL,
	openid BINARY(28)      NOT NULL,
	seq    BIGINT UNSIGNED NOT NULL,
	since  BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (app, openid, seq) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;
