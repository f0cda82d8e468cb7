-- +goose NO TRANSACTION
-- +goose Up

-- Every statement can be run again: a node that was killed between two of them is
-- followed by one that begins anew.

CREATE TABLE IF NOT EXISTS account (
	app       BINARY(18)      NOT NULL,
	total     BIGINT UNSIGNED NOT NULL,
	seq       BIGINT UNSIGNED NOT NULL,
	changed   BIGINT          NOT NULL,
	followers BIGINT UNSIGNED NOT NULL,
	followed  BINARY(16)      NOT NULL,
	PRIMARY KEY (app) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS follower (
	app    BINARY(18) NOT NULL,
	openid BINARY(28) NOT NULL,
	PRIMARY KEY (app, openid) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS entry (
	app    BINARY(18)      NOT NULL,
	openid BINARY(28)      NOT NULL,
	seq    BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (app, openid) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS change_log (
	app     BINARY(18)       NOT NULL,
	seq     BIGINT UNSIGNED  NOT NULL,
	batch   BINARY(16)       NOT NULL,
	at      BIGINT           NOT NULL,
	action  TINYINT UNSIGNED NOT NULL,
	actor   VARBINARY(64)    NOT NULL,
	reason  VARBINARY(1024)  NOT NULL,
	openids MEDIUMBLOB       NOT NULL,
	PRIMARY KEY (app, seq) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS history (
	app    BINARY(18)      NOT NULL,
	openid BINARY(28)      NOT NULL,
	seq    BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (app, openid, seq) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=binary;

CREATE TABLE IF NOT EXISTS record (
	kind    VARBINARY(32)   NOT NULL,
	name    VARBINARY(128)  NOT NULL,
	version BIGINT UNSIGNED NOT NULL,
	expires BIGINT          NOT NULL,
	value   MEDIUMBLOB      NOT NULL,
	PRIMARY KEY (kind, name) /*T![clustered_index] CLUSTERED */,
	KEY expires (expires)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
