package source

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"mpblock"
)

// redisTime is how long Redis may take for each step.
const redisTime = 5 * time.Second

var (
	errRedis    = mpblock.NewError(mpblock.Unavailable, "source.redis", "Redis at %s does not answer: %s")
	errRedisKey = mpblock.NewError(mpblock.Unavailable, "source.redis_key", "Redis at %s has nothing under the key %q: whoever renews tokens has stopped, or uses another key or database")
	errRedisSay = mpblock.NewError(mpblock.Unavailable, "source.redis_refuses", "Redis at %s refuses it: %s")
)

// redisKey is a key in a database of a Redis.
type redisKey struct {
	host, key      string
	user, password string
	db             int
	tls            bool
}

func parseRedis(address string) (redisKey, error) {
	bad := errAddress.With("Redis", "want redis://user:password@host:port/KEY?db=0, or rediss:// for TLS")
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
		return redisKey{}, bad
	}
	r := redisKey{host: u.Host, key: strings.TrimPrefix(u.Path, "/"), user: u.User.Username(), tls: u.Scheme == "rediss"}
	r.password, _ = u.User.Password()
	if u.Port() == "" {
		r.host = net.JoinHostPort(u.Hostname(), "6379")
	}
	if db := u.Query().Get("db"); db != "" {
		if r.db, err = strconv.Atoi(db); err != nil || r.db < 0 {
			return redisKey{}, bad
		}
	}
	if r.key == "" {
		return redisKey{}, bad
	}
	return r, nil
}

// ask reads the key, over a connection of its own: it is done once for each token.
func (r redisKey) ask(ctx context.Context, _ string, now time.Time) (found, error) {
	options := []redis.DialOption{
		redis.DialConnectTimeout(redisTime), redis.DialReadTimeout(redisTime), redis.DialWriteTimeout(redisTime),
		redis.DialUsername(r.user), redis.DialPassword(r.password), redis.DialDatabase(r.db), redis.DialUseTLS(r.tls),
	}
	if r.tls {
		host, _, _ := net.SplitHostPort(r.host)
		options = append(options, redis.DialTLSConfig(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}))
	}
	c, err := redis.DialContext(ctx, "tcp", r.host, options...)
	if err != nil {
		return found{}, r.explain(err)
	}
	defer c.Close() //nolint:errcheck // it was read
	text, err := redis.Bytes(redis.DoContext(c, ctx, "GET", r.key))
	switch {
	case errors.Is(err, redis.ErrNil):
		return found{}, errRedisKey.With(r.host, r.key)
	case err != nil:
		return found{}, r.explain(err)
	case len(text) > maxText:
		return found{}, errShape.With(strconv.Itoa(len(text)))
	}
	f, err := read(text, now)
	if err != nil || !f.end.IsZero() {
		return f, err
	}
	left, err := redis.Int64(redis.DoContext(c, ctx, "PTTL", r.key))
	if err == nil && left > 0 {
		f.end = now.Add(time.Duration(left) * time.Millisecond)
	}
	return f, nil
}

// explain says what Redis refuses by its word for it alone, which stands before the text.
func (r redisKey) explain(err error) error {
	var said redis.Error
	if errors.As(err, &said) {
		word, _, _ := strings.Cut(string(said), " ")
		return errRedisSay.With(r.host, word)
	}
	return errRedis.With(r.host, network(err))
}
